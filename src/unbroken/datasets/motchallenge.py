"""MOTChallenge files and folders: `det.txt`, `gt.txt`, results, `seqinfo.ini`, `gmc.txt`.

Rows are `frame,id,left,top,width,height,conf,class,visibility` (truth) or `frame,id,left,top,width,height,conf,x,y,z`
(detections, results); frames count from 1, values are split by commas or blanks.
"""

from __future__ import annotations

import configparser
import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import mmread

from unbroken.core.arrays import Floats, Ints, frozen
from unbroken.core.errors import SourceError, StoreError
from unbroken.core.files import writing
from unbroken.geometry.boxes import xywh_from_xyxy, xyxy_from_xywh

WARP_COLUMNS = 7
LARGEST = 1e9
"""Beyond it a frame, an id or a place in a picture is a mistake, and sums would overflow."""
LONGEST = 2_000_000
"""Frames of a sequence: 22 hours at 25 a second."""
FASTEST = 10_000.0
"""Frames per second."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a MOTChallenge file. All arrays are read-only.

    Attributes:
        frames: (N,) int64, as in the file.
        ids: (N,) int64, -1 for detections.
        boxes: (N, 4) float64, x1, y1, x2, y2 in pixels, 0-based as in the file: nothing is shifted by 1.
        scores: (N,) float64, column 7: the confidence, or in truth files whether the row counts; 1 where left out.
        extras: (N, K) float64, the columns after the seventh: class and visibility in truth files.
    """

    frames: Ints
    ids: Ints
    boxes: Floats
    scores: Floats
    extras: Floats

    def __post_init__(self) -> None:
        """Check shapes once; trusted afterwards."""
        count = len(self.frames)
        object.__setattr__(self, "frames", frozen(self.frames, np.int64, (count,), "frames"))
        object.__setattr__(self, "ids", frozen(self.ids, np.int64, (count,), "ids"))
        object.__setattr__(self, "boxes", frozen(self.boxes, np.float64, (count, 4), "boxes"))
        object.__setattr__(self, "scores", frozen(self.scores, np.float64, (count,), "scores"))
        object.__setattr__(self, "extras", frozen(self.extras, np.float64, (count, -1), "extras"))

    def __len__(self) -> int:
        return len(self.frames)

    def select(self, rows: Ints) -> Rows:
        """The given rows (numbers or a mask), in that order."""
        return Rows(self.frames[rows], self.ids[rows], self.boxes[rows], self.scores[rows], self.extras[rows])

    def by_frame(self) -> dict[int, Ints]:
        """The row numbers of each frame that has any, in the order of the file."""
        order = np.argsort(self.frames, kind="stable")
        frames, starts = np.unique(self.frames[order], return_index=True)
        return dict(zip(frames.tolist(), np.split(order, starts[1:]), strict=True)) if len(order) else {}


@dataclass(frozen=True, slots=True)
class SequenceInfo:
    """A `seqinfo.ini`.

    Attributes:
        name: of the sequence.
        frame_rate: frames per second.
        length: frames; 0 where it is not said.
        width: pixels; 0 where it is not said.
        height: pixels; 0 where it is not said.
        image_folder: below the folder of the sequence.
        image_suffix: such as `.jpg`.
    """

    name: str
    frame_rate: float = 30.0
    length: int = 0
    width: int = 0
    height: int = 0
    image_folder: str = "img1"
    image_suffix: str = ".jpg"


def read_rows(path: Path) -> Rows:
    """Read a file of detections, truth or results.

    Raises:
        SourceError: the file is not there or cannot be opened.
        StoreError: a line cannot be read; the message has its number.
    """
    table = read_numbers(path, least=6)
    sane = (np.abs(table[:, :6]) <= LARGEST).all(axis=1)
    if not sane.all():
        line = _line_of(path, int(np.argmin(sane)))
        raise StoreError(
            f"{path} line {line}: holds NaN or infinity, or a number beyond {LARGEST:g}; give finite boxes"
        )
    if (table[:, 4:6] < 0).any():
        row = int(np.argmax((table[:, 4:6] < 0).any(axis=1)))
        raise StoreError(f"{path} line {_line_of(path, row)}: the size is {table[row, 4:6].tolist()}; give it >= 0")
    scores = table[:, 6] if table.shape[1] > 6 else np.ones(len(table))
    return Rows(
        table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64),
        xyxy_from_xywh(table[:, 2:6]),
        scores,
        table[:, 7:],
    )


def write_rows(path: Path, rows: Rows) -> None:
    """Write results or detections as `frame,id,left,top,width,height,conf,-1,-1,-1`, sorted by frame, then id.

    Raises:
        StoreError: the file cannot be written.
    """
    order = np.lexsort((rows.ids, rows.frames))
    table = np.column_stack([rows.frames, rows.ids, xywh_from_xyxy(rows.boxes), rows.scores])[order]
    lines = [f"{f:.0f},{i:.0f},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{s:.4g},-1,-1,-1\n" for f, i, x, y, w, h, s in table]
    with writing(path, "choose another --output"):
        path.write_text("".join(lines))


def read_info(folder: Path) -> SequenceInfo:
    """Read `folder/seqinfo.ini`; without one, the name of the folder and 30 frames per second.

    Raises:
        StoreError: it cannot be read or a number in it is none.
    """
    path = folder / "seqinfo.ini"
    if not path.exists():
        return SequenceInfo(folder.name)
    parser = configparser.ConfigParser()
    try:
        parser.read(path)
        values = parser["Sequence"]
        info = SequenceInfo(
            values.get("name", folder.name),
            values.getfloat("frameRate", 30.0),
            values.getint("seqLength", 0),
            values.getint("imWidth", 0),
            values.getint("imHeight", 0),
            values.get("imDir", "img1"),
            values.get("imExt", ".jpg"),
        )
    except (configparser.Error, KeyError, ValueError) as error:
        reason = str(error).replace("\n", " ")
        raise StoreError(f"{path}: cannot be read ({reason}); give a [Sequence] as MOTChallenge does") from error
    if not 0 < info.frame_rate <= FASTEST:
        raise StoreError(f"{path}: frameRate is {info.frame_rate}; give frames per second above 0, up to {FASTEST:g}")
    if not 0 <= info.length <= LONGEST:
        raise StoreError(f"{path}: seqLength is {info.length}; give the number of frames, {LONGEST} at most")
    if not (0 <= info.width <= LARGEST and 0 <= info.height <= LARGEST):
        raise StoreError(
            f"{path}: the size is {info.width} x {info.height}; give pixels, or leave imWidth and imHeight out"
        )
    if not re.fullmatch(r"[^\0]{1,255}", info.image_folder) or not re.fullmatch(r"\.?\w{0,20}", info.image_suffix):
        raise StoreError(
            f"{path}: imDir {info.image_folder!r} and imExt {info.image_suffix!r} name no pictures; mend them"
        )
    return info


def write_info(folder: Path, info: SequenceInfo) -> None:
    """Write `folder/seqinfo.ini`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={info.name}\nimDir={info.image_folder}\nframeRate={info.frame_rate:g}\n"
        f"seqLength={info.length}\nimWidth={info.width}\nimHeight={info.height}\nimExt={info.image_suffix}\n"
    )


def read_warps(path: Path) -> dict[int, Floats]:
    """Read a `gmc.txt`: `frame,a,b,tx,c,d,ty`, the affine from the frame before to this one.

    Returns:
        Per frame a (2, 3) affine in pixels. Frames that are not in the file stood still.

    Raises:
        SourceError, StoreError: as `read_rows`.
    """
    table = read_numbers(path, least=WARP_COLUMNS)
    sane = (np.abs(table) <= LARGEST).all(axis=1)
    if not sane.all():
        line = _line_of(path, int(np.argmin(sane)))
        raise StoreError(
            f"{path} line {line}: holds NaN or infinity, or a number beyond {LARGEST:g}; give a finite affine"
        )
    return {int(row[0]): row[1:WARP_COLUMNS].reshape(2, 3) for row in table}


def sequences(root: Path) -> Iterator[Path]:
    """The sequences of a tree in the order of their names: folders with `seqinfo.ini`, `det/det.txt` or `gt/gt.txt`.

    The folder itself may be one.
    """
    for folder in [root, *sorted(path for path in root.iterdir() if path.is_dir())]:
        if any((folder / name).exists() for name in ("seqinfo.ini", "det/det.txt", "gt/gt.txt")):
            yield folder


def read_numbers(path: Path, least: int) -> Floats:
    """Read lines of equally many numbers, split by commas or blanks.

    Args:
        path: the file.
        least: how many columns there must be.

    Raises:
        SourceError: the file cannot be read.
        StoreError: a line cannot be read; the message has its number.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error}); give a MOTChallenge text file") from error
    plain = _plain_numbers(text)
    return plain if plain.shape[1] >= least else _any_numbers(path, text, least)


def _plain_numbers(text: str) -> Floats:
    """The numbers of a text of nothing but plain decimals split by commas, equally many a line; else (0, 0).

    Several times as fast as `numpy.loadtxt`, which reads everything else. SciPy's reader of Matrix Market files takes
    one number a line, rounds correctly, and passes over what follows it: what could follow is ruled out beforehand.
    """
    data = text.strip("\n").encode() + b"\n"
    lines, columns = data.count(b"\n"), data.partition(b"\n")[0].count(b",") + 1
    letters = np.frombuffer(data, dtype=np.uint8)
    before_signs = letters[np.flatnonzero(letters == ord("-")) - 1]
    dots_and_ends = data.translate(None, b"0123456789-")
    plain = (
        bool(((before_signs == ord(",")) | (before_signs == ord("\n"))).all())
        and b".." not in dots_and_ends
        and dots_and_ends.translate(None, b".") == (b"," * (columns - 1) + b"\n") * lines
    )
    if plain:
        with contextlib.suppress(ValueError, OverflowError):
            header = b"%%%%MatrixMarket matrix array real general\n%d %d\n" % (columns, lines)
            return np.asarray(mmread(io.BytesIO(header + data.replace(b",", b"\n")))).T
    return np.zeros((0, 0))


def _any_numbers(path: Path, text: str, least: int) -> Floats:
    """The numbers of any text that `numpy.loadtxt` understands, or a StoreError that names the line."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        return np.zeros((0, least))
    if "," not in first:
        text = ",".join(text.split(" ")) if "\t" not in text and "  " not in text else _commas(text)
    try:
        table = np.loadtxt(io.StringIO(text), delimiter=",", ndmin=2, comments=None)
    except ValueError:
        table = None
    if table is None or table.shape[1] < least:
        raise StoreError(_first_bad_line(path, text, least))
    return table


def _commas(text: str) -> str:
    return "\n".join(",".join(line.split()) for line in text.splitlines())


def _first_bad_line(path: Path, text: str, least: int) -> str:
    """What is wrong with the first line that cannot be read."""
    columns = 0
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.rstrip().split(",")
        if not line.strip():
            continue
        columns = columns or len(cells)
        if len(cells) < least:
            return f"{path} line {number}: has {len(cells)} columns; give at least {least}, split by commas"
        if len(cells) != columns:
            return f"{path} line {number}: has {len(cells)} columns where the first has {columns}; give equally many"
        for cell in cells:
            try:
                float(cell)
            except ValueError:
                return f"{path} line {number}: {cell!r} is not a number; give numbers split by commas"
    return f"{path}: cannot be read as numbers; give lines of numbers split by commas"


def _line_of(path: Path, row: int) -> int:
    """The line of the file that a row of the table came from; empty lines hold no row."""
    filled = [number for number, line in enumerate(path.read_text().splitlines(), 1) if line.strip()]
    return filled[row]
