"""`unbroken models` from the command line."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import darknet_made
import made
import web_made
from needs import data
from unbroken.cli.main import app
from unbroken.core.cards import InputSpec, ModelCard
from unbroken.core.errors import ConfigError, ModelCorruptError, ModelMissingError, ModelUnsupportedError
from unbroken.models.cards import CARD_SUFFIX, read_cards, toml_from_card


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("UNBROKEN_MODELS", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments, typed=""):
    return CliRunner().invoke(app, ["models", *map(str, arguments)], input=typed)


def yolov8_net(path):
    rows = np.zeros((1, 84, 300), dtype=np.float32)
    return made.answering(path, [rows], (1, 3, 320, 320))


def test_the_list_names_every_net_and_where_it_is(tmp_path):
    (tmp_path / "rtmdet_nano.onnx").write_bytes(b"net")
    out = run("list", "--models", tmp_path)
    assert out.exit_code == 0
    (line,) = [line for line in out.output.splitlines() if "rtmdet_nano" in line]
    assert str(tmp_path)[:12] in line
    assert "yolov4-tiny" in out.output


def test_a_net_is_shown_with_its_terms_and_shapes():
    out = run("show", "osnet_x0_25_msmt17", "--models", data("models"))
    assert out.exit_code == 0
    for words in ("MIT", "MSMT17, which is for research", "RGB / 255", "(-1, 3, 256, 128)", "(-1, 512)"):
        assert words in out.output


def test_long_names_and_addresses_are_folded_and_not_cut(monkeypatch):
    """Three nets whose names differ at the end alone were listed under one name."""
    monkeypatch.setenv("COLUMNS", "80")
    out = run("show", "person_reid_youtu_2021nov").output
    assert "…" not in out
    out = run("verify", "--models", data("models")).output
    assert "…" not in out


def test_a_net_that_cannot_be_fetched_is_not_said_to_be():
    out = run("show", "osnet_x0_25_msmt17").output
    assert "models fetch" not in out
    assert "get it and give its folder with --models" in out
    assert "run `unbroken models fetch rtmdet_nano`" in run("show", "rtmdet_nano").output


def test_inspect_is_another_word_for_show():
    assert run("inspect", "rtmdet_nano").output == run("show", "rtmdet_nano").output


def test_a_net_is_fetched_once_its_terms_are_agreed_to(tmp_path):
    body = b"a net" * 1000
    with web_made.serving(web_made.Site({"/mine.onnx": body})) as site:
        digest = hashlib.sha256(body).hexdigest()
        card = ModelCard(
            "mine", "reid", ("mine.onnx",), InputSpec(128, 256), (f"{site.url}/mine.onnx",), (digest,), licence="MIT"
        )
        (tmp_path / f"mine{CARD_SUFFIX}").write_text(toml_from_card(card))
        refused = run("fetch", "mine", "--models", tmp_path, typed="n\n")
        assert refused.exit_code == 1
        assert "licence: MIT" in refused.output
        assert site.requests == []
        agreed = run("fetch", "mine", "--models", tmp_path, typed="y\n")
    assert agreed.exit_code == 0
    assert "mine.onnx: verified" in agreed.output
    assert (tmp_path / "cache" / "unbroken" / "models" / "mine.onnx").read_bytes() == body


def test_verification_passes_good_files_and_fails_on_damaged_ones(tmp_path):
    good = run("verify", "rtmdet_nano", "--models", data("models"))
    assert good.exit_code == 0
    assert "known to be good" in good.output
    (tmp_path / "rtmdet_nano.onnx").write_bytes(data("models/rtmdet_nano.onnx").read_bytes()[:-1])
    damaged = run("verify", "--models", tmp_path)
    assert isinstance(damaged.exception, ModelCorruptError)
    assert "differs from what its card says" in str(damaged.exception)


def test_a_darknet_net_is_converted_beside_its_weights(tmp_path):
    darknet_made.write(tmp_path, darknet_made.yolov4_tiny())
    out = run("convert", tmp_path / "yolov4-tiny.weights")
    assert out.exit_code == 0
    assert (tmp_path / "yolov4-tiny.onnx").is_file()
    assert "(-1, 507, 85)" in run("show", "yolov4-tiny", "--models", tmp_path).output


def test_a_net_of_the_users_own_gets_a_card_and_a_name(tmp_path):
    yolov8_net(tmp_path / "my.onnx")
    out = run("add", tmp_path / "my.onnx", "--name", "yard", "--to", tmp_path / "nets", "--order", "BGR")
    assert out.exit_code == 0, out.exception
    card = read_cards(tmp_path / "nets" / f"yard{CARD_SUFFIX}")["yard"]
    assert (card.decoder, card.input.order, card.files) == ("yolov8", "BGR", ("yard.onnx",))
    assert (tmp_path / "nets" / "yard.onnx").read_bytes() == (tmp_path / "my.onnx").read_bytes()
    assert "yard" in run("list", "--models", tmp_path / "nets").output
    again = run("add", tmp_path / "my.onnx", "--name", "yard", "--to", tmp_path / "nets")
    assert isinstance(again.exception, ConfigError)
    assert "is there already" in str(again.exception)


def test_a_reid_net_that_is_fed_wrongly_gets_no_card_unless_it_is_trusted(tmp_path):
    file = data("models/osnet_x0_25_msmt17.onnx")
    wishes = ["--task", "reid", "--scale", "1", "--mean", 0, 0, 0, "--std", 1, 1, 1, "--name", "mine", "--to", tmp_path]
    out = run("add", file, *wishes)
    assert isinstance(out.exception, ModelUnsupportedError)
    assert "better fed RGB / 255, mean 0.485 0.456 0.406" in str(out.exception)
    assert list(tmp_path.glob("*.toml")) == []
    assert run("add", file, *wishes, "--trust").exit_code == 0
    assert read_cards(tmp_path / f"mine{CARD_SUFFIX}")["mine"].input == InputSpec(128, 256, "RGB", 1.0)


def test_the_self_test_shows_how_well_each_way_of_feeding_does():
    out = run("test", "osnet_x0_25_msmt17", "--models", data("models"))
    assert out.exit_code == 0
    assert "0.225 (its card)" in out.output
    detector = run("test", "rtmdet_nano", "--models", data("models"))
    assert "self-test is for Re-ID nets" in str(detector.exception)


def test_a_card_that_the_net_contradicts_is_never_written(tmp_path):
    yolov8_net(tmp_path / "my.onnx")
    out = run("add", tmp_path / "my.onnx", "--decoder", "ssd", "--to", tmp_path / "nets")
    assert isinstance(out.exception, ModelUnsupportedError)
    assert not (tmp_path / "nets").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("show", "nobody"), ConfigError, "net 'nobody' is not known"),
        (("fetch", "osnet_x0_25_msmt17"), ModelMissingError, "no official address"),
        (("verify", "rtmdet_nano"), ModelMissingError, "models fetch rtmdet_nano"),
        (("convert", "none.weights"), ModelMissingError, r"none\.cfg is not there"),
        (("add", "none.onnx"), ModelMissingError, r"none\.onnx is not there"),
        (("add", "none.onnx", "--task", "tracking"), ConfigError, "task 'tracking' is not known"),
        (("list", "--models", "nowhere"), ConfigError, "nowhere: is no folder"),
        (("show", "rtmdet_nano", "--models", "nowhere"), ConfigError, "nowhere: is no folder"),
        (("verify", "--models", "nowhere"), ConfigError, "nowhere: is no folder"),
    ],
)
def test_bad_input_ends_in_a_sentence(arguments, error, words):
    out = run(*arguments)
    assert isinstance(out.exception, error)
    with pytest.raises(error, match=words):
        raise out.exception


def test_the_process_ends_with_one_sentence_and_its_exit_code(tmp_path):
    command = [sys.executable, "-m", "unbroken", "models", "fetch", "osnet_x0_25_msmt17"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr.startswith("error: net osnet_x0_25_msmt17 has no official address")
    assert "Traceback" not in done.stderr
