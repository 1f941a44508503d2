"""Nets arrive whole, right and at once, or not at all, from a real server that breaks and lies."""

import hashlib
import io
import zipfile

import numpy as np
import pytest

import web_made
from unbroken.core.cards import InputSpec, ModelCard
from unbroken.core.errors import ModelCorruptError, ModelError, ModelMissingError, StoreError
from unbroken.models.fetch import Wanted, fetch, wanted_files
from unbroken.models.verify import verify

BODY = np.random.default_rng(0).bytes(300_000)
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site():
    with web_made.serving(web_made.Site({"/net.onnx": BODY})) as running:
        yield running


def wanted(site, target, **changes):
    return Wanted(**{"url": f"{site.url}/net.onnx", "target": target, "sha256": DIGEST, "size": len(BODY), **changes})


def test_a_file_arrives_whole_and_leaves_nothing_beside_it(site, tmp_path):
    told = []
    path = fetch(wanted(site, tmp_path / "a" / "net.onnx"), lambda *news: told.append(news))
    assert path.read_bytes() == BODY
    assert [file.name for file in path.parent.iterdir()] == ["net.onnx"]
    assert told[-1] == ("net.onnx", len(BODY), len(BODY))


def test_what_is_here_and_right_is_not_fetched_again(site, tmp_path):
    fetch(wanted(site, tmp_path / "net.onnx"))
    fetch(wanted(site, tmp_path / "net.onnx"))
    assert len(site.requests) == 1


def test_what_is_here_and_wrong_is_replaced(site, tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"old")
    assert fetch(wanted(site, tmp_path / "net.onnx")).read_bytes() == BODY


def test_a_broken_connection_is_resumed_where_it_broke(site, tmp_path):
    site.breaks = [100_000, 70_000]
    assert fetch(wanted(site, tmp_path / "net.onnx")).read_bytes() == BODY
    assert [asked for _, asked in site.requests] == ["", "bytes=100000-", "bytes=170000-"]


def test_a_fetch_that_was_cut_off_goes_on_the_next_time(site, tmp_path):
    site.breaks = [100_000, 0]
    with pytest.raises(ModelError, match=r"the connection broke off.*100000 bytes are kept and the next try resumes"):
        fetch(wanted(site, tmp_path / "net.onnx"))
    assert not (tmp_path / "net.onnx").exists()
    assert fetch(wanted(site, tmp_path / "net.onnx")).read_bytes() == BODY
    assert site.requests[-1] == ("/net.onnx", "bytes=100000-")


def test_a_server_that_cannot_resume_is_asked_for_everything(site, tmp_path):
    site.ranges = False
    (tmp_path / "net.onnx.part").write_bytes(BODY[:1000])
    assert fetch(wanted(site, tmp_path / "net.onnx")).read_bytes() == BODY


def test_a_part_that_is_whole_already_is_put_in_place(site, tmp_path):
    (tmp_path / "net.onnx.part").write_bytes(BODY)
    assert fetch(wanted(site, tmp_path / "net.onnx")).read_bytes() == BODY
    assert site.requests == [("/net.onnx", "bytes=300000-")]


@pytest.mark.parametrize("leftover", [b"x" * 5000, b"x" * 400_000])
def test_a_part_of_some_other_file_is_noticed_and_fetched_anew(leftover, site, tmp_path):
    (tmp_path / "net.onnx.part").write_bytes(leftover)
    assert fetch(wanted(site, tmp_path / "net.onnx")).read_bytes() == BODY


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"sha256": "0" * 64}, "its sha256 is"), ({"size": 299_999}, "it has 300000 bytes and not 299999")],
)
def test_a_wrong_file_is_refused_and_nothing_is_kept(changes, words, site, tmp_path):
    with pytest.raises(ModelCorruptError, match=words):
        fetch(wanted(site, tmp_path / "net.onnx", **changes))
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_file_never_replaces_the_one_that_is_here(site, tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"mine")
    with pytest.raises(ModelCorruptError):
        fetch(wanted(site, tmp_path / "net.onnx", sha256="0" * 64))
    assert (tmp_path / "net.onnx").read_bytes() == b"mine"


def test_a_file_inside_an_archive_is_taken_out_and_verified(site, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("20230101/rtmdet/end2end.onnx", BODY)
        archive.writestr("20230101/rtmdet/detail.json", "{}")
    site.files["/sdk.zip"] = packed.getvalue()
    path = fetch(wanted(site, tmp_path / "net.onnx", url=f"{site.url}/sdk.zip#end2end.onnx"))
    assert path.read_bytes() == BODY
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]
    with pytest.raises(ModelCorruptError, match=r"there is no other\.onnx in it"):
        fetch(wanted(site, tmp_path / "b.onnx", url=f"{site.url}/sdk.zip#other.onnx"))


def test_the_proxy_of_the_environment_is_used(site, tmp_path, monkeypatch):
    seen = []
    with web_made.proxying(seen) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        fetch(wanted(site, tmp_path / "net.onnx"))
    assert seen == [f"{site.url}/net.onnx"]


def test_an_address_that_is_not_there_is_named_with_the_servers_answer(site, tmp_path):
    with pytest.raises(ModelError, match=r"gone\.onnx cannot be fetched: the server answers 404"):
        fetch(wanted(site, tmp_path / "net.onnx", url=f"{site.url}/gone.onnx"))


def test_a_server_that_is_not_there_is_named_with_the_way_out(tmp_path):
    url = f"http://127.0.0.1:{web_made.unused_port()}/net.onnx"
    with pytest.raises(ModelError, match=r"cannot be fetched \(.*refused.*HTTPS_PROXY"):
        fetch(Wanted(url, tmp_path / "net.onnx"))


def test_an_address_that_is_none_is_refused(tmp_path):
    with pytest.raises(ModelError, match="is no web address"):
        fetch(Wanted("file:///etc/passwd", tmp_path / "net.onnx"))


def test_a_folder_that_cannot_be_written_is_named(site, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="cannot be written"):
        fetch(wanted(site, tmp_path / "file" / "net.onnx"))


def test_a_net_without_an_address_says_so(tmp_path):
    card = ModelCard("mine", "reid", ("mine.onnx",), InputSpec(128, 256), urls=("",))
    with pytest.raises(ModelMissingError, match=r"mine has no official address.*--models"):
        wanted_files(card, tmp_path)


def test_verification_tells_official_known_unpublished_and_different_files_apart(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(BODY)
    base = {"name": "net", "task": "reid", "files": ("net.onnx",), "input": InputSpec(128, 256)}
    states = {
        "official": ModelCard(**base, sha256=(DIGEST,), bytes=(len(BODY),)),
        "known": ModelCard(**base, sha256=("0" * 64,), also=(DIGEST,)),
        "unpublished": ModelCard(**base),
        "differs": ModelCard(**base, sha256=("0" * 64,), bytes=(len(BODY),)),
    }
    assert [verify(card, path)[0].state for card in states.values()] == list(states)
    (short,) = verify(ModelCard(**base, sha256=("0" * 64,), bytes=(7,)), path)
    assert short.reason == "300000 bytes where 7 are published"
