"""A name becomes a card and a file: the user's folders first, then the cache."""

from pathlib import Path

import pytest

from needs import data
from unbroken.core.cards import InputSpec, ModelCard
from unbroken.core.errors import ConfigError, ModelMissingError
from unbroken.detection.decode import DECODERS
from unbroken.models.cards import CARD_SUFFIX, cards_from_toml, manifest, toml_from_card
from unbroken.models.registry import cache_folder, find, guessed, known_cards, located


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("UNBROKEN_MODELS", raising=False)
    return cache_folder()


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"net")
    return folder


def test_the_manifest_knows_the_nets_of_the_specification():
    assert manifest().keys() >= {
        "yolov4-tiny", "rtmdet_nano", "yolox_nano", "person-detection-0200", "osnet_x0_25_msmt17",
        "person-reidentification-retail-0277", "person-reidentification-retail-0287",
        "person-reidentification-retail-0288", "person_reid_youtu_2021nov",
    }  # fmt: skip


@pytest.mark.parametrize("name", manifest())
def test_every_card_says_what_a_user_must_know(name):
    card = manifest()[name]
    assert len(card.files) == len(card.urls) == len(card.sha256)
    assert card.licence != "unknown"
    assert card.data_terms != "unknown"
    assert card.summary
    assert card.paper
    assert (card.decoder in DECODERS) == (card.task == "detection")


def test_the_users_folder_comes_before_the_environment_and_that_before_the_cache(tmp_path, monkeypatch, own_cache):
    given, named = tmp_path / "given", tmp_path / "named"
    put(own_cache, "rtmdet_nano.onnx")
    assert find("rtmdet_nano", [given]).path.parent == own_cache
    monkeypatch.setenv("UNBROKEN_MODELS", str(put(named, "rtmdet_nano.onnx")))
    assert find("rtmdet_nano", [given]).path.parent == named
    put(given, "rtmdet_nano.onnx")
    assert find("rtmdet_nano", [given]).path.parent == given


def test_another_form_of_a_net_counts_as_the_net(tmp_path):
    name = "person-reidentification-retail-0288"
    folder = put(tmp_path / "m", f"{name}.xml", f"{name}.onnx")
    assert find(name, [folder]).path.suffix == ".onnx"
    assert find(name, [folder], (".xml", ".onnx")).path.suffix == ".xml"
    assert located(manifest()[name], [folder], (".weights",)) is None


def test_a_net_that_is_nowhere_says_where_it_was_looked_for_and_how_to_get_it(tmp_path):
    with pytest.raises(ModelMissingError, match=r"rtmdet_nano is not in .*given.*models fetch rtmdet_nano"):
        find("rtmdet_nano", [tmp_path / "given"])
    with pytest.raises(ModelMissingError, match=r"osnet_x0_25_msmt17 is not in .*--models"):
        find("osnet_x0_25_msmt17")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"net 'rtmdet' is not known.*rtmdet_nano"):
        find("rtmdet")


def test_a_card_survives_being_written_and_read(tmp_path):
    for card in manifest().values():
        assert cards_from_toml(toml_from_card(card), "here") == {card.name: card}


def test_the_users_own_card_is_found_beside_his_file(tmp_path):
    folder = put(tmp_path / "m", "mine.onnx")
    card = ModelCard("mine", "detection", ("mine.onnx",), InputSpec(640, 640), decoder="yolov8")
    (folder / f"mine{CARD_SUFFIX}").write_text(toml_from_card(card))
    assert find("mine", [folder]).card == card
    assert "mine" in known_cards([folder])
    assert "mine" not in known_cards()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mine\n", "no valid TOML"),
        ('mine = "x"', "is no table"),
        ('[mine]\ntask = "detection"\nfiles = ["a"]\n', "lacks 'input'"),
        ('[mine]\ntask = "track"\nfiles = ["a"]\ninput = {}', "task is 'track'; choose one of detection, reid"),
        ('[mine]\ntask = "reid"\nfiles = ["a"]\ninput = {}\nsise = 3', "unknown field 'sise'"),
        ('[mine]\ntask = "reid"\nfiles = ["a"]\ninput = { order = "GBR" }', "order is 'GBR'"),
        ('[mine]\ntask = "reid"\nfiles = ["a"]\ninput = { colour = "BGR" }', "unknown input field 'colour'"),
        ('[mine]\ntask = "reid"\nfiles = ["a"]\ninput = { width = -1 }', "width is -1"),
        ('[mine]\ntask = "reid"\nfiles = ["a"]\ninput = { std = [1, 0, 1] }', "std must not be 0"),
        ('[mine]\ntask = "reid"\nfiles = "a"\ninput = {}', "files is 'a'; give a list"),
    ],
)
def test_a_wrong_card_is_named_with_its_fault(text, words):
    with pytest.raises(ConfigError, match=words):
        cards_from_toml(text, "my.card.toml")


@pytest.mark.parametrize(
    ("outputs", "decoder"),
    [
        (((1, 84, 8400),), "yolov8"),
        (((1, 5, 8400),), "yolov8"),
        (((1, 300, 6),), "yolov10"),
        (((1, 1, 200, 7),), "ssd"),
        (((-1, -1, 5), (-1, -1)), "rtmdet"),
        (((1, 300, 4), (1, 300, 80)), "rtdetr"),
        (((1, 100, 92), (1, 100, 4)), "detr"),
    ],
)
def test_a_layout_that_leaves_no_doubt_is_told_from_its_shape(outputs, decoder):
    assert guessed(Path("my.onnx"), "detection", outputs).decoder == decoder


@pytest.mark.parametrize("outputs", [((1, 25200, 85),), ((1, -1, -1),), ((1, 10),), ()])
def test_a_layout_that_could_be_two_things_asks_for_the_decoder(outputs):
    with pytest.raises(ConfigError, match=r"my\.onnx.*fit no decoder for certain.*--decoder"):
        guessed(Path("my.onnx"), "detection", outputs)
    assert guessed(Path("my.onnx"), "detection", outputs, "yolov5").decoder == "yolov5"


def test_the_nets_beside_the_project_are_all_found():
    folder = data("models")
    for name in set(manifest()) - {"yolov4-tiny", "person_reid_youtu_2021nov"}:
        assert find(name, [folder]).path.is_file()


@pytest.mark.parametrize("trusted", ["0", "1.0", '"much"'])
def test_a_card_trusts_a_score_between_0_and_1(trusted):
    text = f'[net]\ntask = "detection"\nfiles = ["net.onnx"]\ndecoder = "yolox"\ntrusted = {trusted}\ninput = {{ }}\n'
    with pytest.raises(ConfigError, match=r"trusted is .*give a score between 0 and 1"):
        cards_from_toml(text, "mine")


@pytest.mark.parametrize("separation", ["-1", '"far"', "true"])
def test_a_card_gives_a_separation_in_standard_deviations(separation):
    text = f'[net]\ntask = "reid"\nfiles = ["net.onnx"]\nseparation = {separation}\ninput = {{ }}\n'
    with pytest.raises(ConfigError, match=r"separation is .*give standard deviations"):
        cards_from_toml(text, "ours")
