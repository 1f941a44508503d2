"""Binary files from outside, damaged at random: tables, nets, videos, databases are read, or end in one sentence."""

import io
import itertools
import struct
import zlib
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import darknet_made
import made
from damage import broken, damaged, edits, only_sentences
from unbroken.app.identify import identify, manager_by_name
from unbroken.app.tables import read_table
from unbroken.core.batches import Batch
from unbroken.core.wire import batch_of_bytes, bytes_of_batch
from unbroken.detection.darknet import check, convert
from unbroken.inference.loading import load
from unbroken.storage.opening import connect
from unbroken.video.files import ImageFolder, VideoFile

FEW = settings(max_examples=25)
EXAMPLES = settings(max_examples=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def archive(**columns):
    buffer = io.BytesIO()
    np.savez(buffer, **columns)
    return buffer.getvalue()


def table(count=6):
    generator = np.random.default_rng(0)
    return {
        "camera": np.array(["hall", "door"] * (count // 2)),
        "track": np.repeat(np.arange(count // 2), 2),
        "frame": np.arange(count),
        "features": generator.normal(size=(count, 4)).astype(np.float32),
    }


def edited(column, kind):
    """A column as somebody else may have written it."""
    changes = {
        "gone": lambda: None,
        "flat": lambda: np.asarray(column).reshape(-1),
        "scalar": lambda: np.asarray(column).reshape(-1)[0],
        "short": lambda: column[:-1],
        "empty": lambda: column[:0],
        "text": lambda: np.asarray(column).astype(str),
        "bytes": lambda: np.asarray(column).astype(str).astype(np.bytes_),
        "nan": lambda: np.full(np.shape(column), np.nan),
        "huge": lambda: np.full(np.shape(column), 1e300),
        "large": lambda: np.full(np.shape(column), 2**62),
        "negative": lambda: np.full(np.shape(column), -5),
        "complex": lambda: np.full(np.shape(column), 1j),
        "times": lambda: np.full(np.shape(column), np.datetime64("2026-01-01")),
        "truth": lambda: np.full(np.shape(column), True),
        "deep": lambda: np.asarray(column)[None, None],
    }
    return changes[kind]()


KINDS = ("gone", "flat", "scalar", "short", "empty", "text", "bytes", "nan", "huge", "large", "negative", "complex")
KINDS += ("times", "truth", "deep")


@given(st.dictionaries(st.sampled_from(["camera", "track", "frame", "features"]), st.sampled_from(KINDS), max_size=2))
@EXAMPLES
def test_tables_with_strange_columns(folder, strange):
    columns = table()
    for name, kind in strange.items():
        columns[name] = edited(columns[name], kind)
    np.savez(folder / "tracks.npz", **{name: column for name, column in columns.items() if column is not None})
    with only_sentences():
        identify(read_table(folder / "tracks.npz"), manager_by_name("calibrated"))


@given(damaged(archive(**table())))
@EXAMPLES
def test_damaged_archives(folder, content):
    (folder / "tracks.npz").write_bytes(content)
    with only_sentences():
        read_table(folder / "tracks.npz")


@given(edits)
@EXAMPLES
def test_damaged_parquet(folder, changes):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet files need the package pyarrow")
    from pyarrow import parquet

    columns = {name: column.tolist() for name, column in table().items()}
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer)
    (folder / "tracks.parquet").write_bytes(broken(buffer.getvalue(), changes))
    with only_sentences():
        read_table(folder / "tracks.parquet")


CFG = darknet_made.section("net", width=32, height=32, channels=3)
CFG += darknet_made.conv(4, 3, 2) + darknet_made.section("maxpool", size=2, stride=2) + darknet_made.conv(4, 1)
CFG += darknet_made.section("shortcut", **{"from": "-2"}, activation="linear")
CFG += darknet_made.section("route", layers="-1, -3") + darknet_made.section("upsample", stride=2)
CFG += darknet_made.conv(18, 1, activation="linear", normalised=False) + darknet_made.yolo("0,1,2", 1)


@given(damaged(CFG.encode()), st.booleans())
@EXAMPLES
def test_darknet_nets(folder, cfg, keep):
    darknet_made.write(folder, CFG, name="net")
    (folder / "net.cfg").write_bytes(cfg)
    with only_sentences():
        check(folder / "net.cfg", folder / "net.weights")
    if keep:
        with only_sentences():
            convert(folder / "net.cfg", folder / "net.weights", folder / "net.onnx")


@given(edits)
@EXAMPLES
def test_darknet_weights(folder, changes):
    darknet_made.write(folder, CFG, name="good")
    content = (folder / "good.weights").read_bytes()
    (folder / "good.weights").write_bytes(broken(content, changes))
    with only_sentences():
        check(folder / "good.cfg", folder / "good.weights")


@given(edits, st.sampled_from(["onnxruntime", "openvino"]))
@FEW
def test_onnx_files(folder, changes, runtime):
    path = made.answering(folder / "net.onnx", [np.zeros((1, 4), dtype=np.float32)], (1, 3, 8, 8))
    path.write_bytes(broken(path.read_bytes(), changes))
    with only_sentences():
        net = load(path, runtime)
        assert all(isinstance(length, int) for shape in (net.input_shape, *net.output_shapes) for length in shape)
        net.run(np.zeros((1, 3, 8, 8), dtype=np.float32))


def video(path, codec, suffix_options=None):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=suffix_options or {})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        ramp = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)
        for number in range(8):
            picture = av.VideoFrame.from_ndarray(np.roll(ramp, 5 * number, axis=1), format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    place = tmp_path_factory.mktemp("videos")
    return {
        ".mp4": video(place / "a.mp4", "libx264", {"preset": "ultrafast"}),
        ".mkv": video(place / "a.mkv", "libx264", {"preset": "ultrafast"}),
        ".avi": video(place / "a.avi", "mjpeg"),
        ".ts": video(place / "a.ts", "libx264", {"preset": "ultrafast"}),
    }


@given(st.sampled_from([".avi", ".mkv", ".mp4", ".ts"]), edits)
@EXAMPLES
def test_videos(folder, videos, suffix, changes):
    path = folder / f"video{suffix}"
    path.write_bytes(broken(videos[suffix], changes))
    with only_sentences():
        source = VideoFile(path, "hall")
        try:
            times = [frame.time for frame in itertools.islice(source, 200)]
        finally:
            source.close()
        assert np.isfinite(times).all()
        assert times == sorted(times)


@given(edits)
@EXAMPLES
def test_pictures(folder, changes):
    good = cv2.imencode(".png", np.zeros((8, 8, 3), dtype=np.uint8))[1].tobytes()
    (folder / "pictures").mkdir(exist_ok=True)
    (folder / "pictures" / "1.png").write_bytes(broken(good, changes))
    with only_sentences():
        for frame in ImageFolder(folder / "pictures", "hall"):
            assert frame.image.ndim == 3


@given(damaged(bytes_of_batch(Batch(1.5, (), ()))), st.booleans())
@EXAMPLES
def test_recorded_batches(content, sealed):
    if sealed and len(content) > 13:
        body = content[13:]
        content = content[:5] + struct.pack("<I", zlib.crc32(body)) + content[9:13] + body
    with only_sentences():
        batch_of_bytes(content)


@given(edits)
@FEW
def test_databases(folder, changes):
    good = folder / "good.db"
    if not good.exists():
        connect(str(good), "write").close()
    (folder / "people.db").write_bytes(broken(good.read_bytes(), changes))
    with only_sentences():
        database = connect(str(folder / "people.db"))
        try:
            database.check()
        finally:
            database.close()
