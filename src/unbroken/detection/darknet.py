"""Darknet nets, a `.cfg` and `.weights`, as ONNX: OpenCV 5 reads them no more, and every other runtime never did.

The answer of a converted net is that of `cv2.dnn`: one output per yolo layer, (N, cells * anchors, 5 + classes), cell
by cell, with centre and size as fractions of the input, the objectness, and each class multiplied by the objectness.
`cv2.dnn` drops products below the layer's `thresh` (0.2 where the file does not say); a converted net keeps them all,
since trackers want low scores too.

Sources: the layers of Darknet (Redmon; Bochkovskiy et al. 2020, arXiv 2004.10934). Batch normalisation is folded into
the convolution before it, with Darknet's epsilon of 1e-6.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unbroken.core.errors import ModelCorruptError, ModelMissingError, ModelUnsupportedError
from unbroken.core.files import writing

if TYPE_CHECKING:
    import onnx

_EPSILON = 1e-6
_LEAK = 0.1
_LARGEST = 1_000_000
"""No option of a net is greater."""
_LARGEST_SIDE = 8192
"""Pixels of a net's input, and cells of its layers."""
_LARGEST_WEIGHT = 1e15
_OPSET = 13
_IR_VERSION = 8

_INPUT = {"channels": 3, "height": 416, "width": 416}

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Section:
    """One `[kind]` of a `.cfg` with its options."""

    kind: str
    options: Mapping[str, str]

    def number(self, name: str, default: int, least: int = 0) -> int:
        """An option as a whole number, `least` or more."""
        (value,) = _numbers(name, [self.options.get(name, str(default))])
        if value < least:
            raise ModelCorruptError(f"Darknet cfg: {name} is {value:g}; give {least} or more")
        return int(value)

    def numbers(self, name: str) -> list[float]:
        """An option as a list of numbers, empty where it is left out."""
        return _numbers(name, [part for part in self.options.get(name, "").split(",") if part.strip()])


def _numbers(name: str, written: Sequence[str]) -> list[float]:
    """Numbers of a cfg.

    Raises:
        ModelCorruptError: one is none, or beyond all that a net has.
    """
    try:
        values = [float(part) for part in written]
    except ValueError as error:
        raise ModelCorruptError(f"Darknet cfg: {name} is {', '.join(written)[:40]!r}; give numbers") from error
    if not all(abs(value) <= _LARGEST for value in values):
        raise ModelCorruptError(f"Darknet cfg: {name} is {', '.join(written)[:40]!r}; give numbers within {_LARGEST}")
    return values


def sections_from_cfg(text: str) -> list[Section]:
    """Read a `.cfg`: `[kind]` lines, `name = value` lines, and comments after `#` or `;`.

    Raises:
        ModelCorruptError: a line is none of these, or the text does not begin with `[net]`.
    """
    sections: list[tuple[str, dict[str, str]]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#")[0].split(";")[0].strip()
        if line.startswith("[") and line.endswith("]"):
            sections.append((line[1:-1].strip(), {}))
        elif "=" in line and sections:
            name, value = line.split("=", 1)
            sections[-1][1][name.strip()] = value.strip()
        elif line:
            raise ModelCorruptError(f"Darknet cfg: line {number} is {line[:40]!r}; give [section] or name=value lines")
    if not sections or sections[0][0] not in ("net", "network"):
        raise ModelCorruptError("Darknet cfg: it does not begin with [net]; give the .cfg of a detector")
    return [Section(kind, options) for kind, options in sections]


def values_from_weights(content: bytes) -> Values:
    """The numbers of a `.weights` file after its header: version, and pictures seen as 4 or, since 0.2, 8 bytes.

    Raises:
        ModelCorruptError: it is too short to be one, or not a whole number of floats.
    """
    if len(content) < 20 or len(content) % 4:
        raise ModelCorruptError(f"Darknet weights: {len(content)} bytes are no such file; fetch it again")
    major, minor = struct.unpack_from("<2i", content)
    header = 20 if major * 10 + minor >= 2 else 16
    values = np.frombuffer(content, dtype="<f4", offset=header)
    if not (np.abs(values) <= _LARGEST_WEIGHT).all():
        raise ModelCorruptError("Darknet weights: they hold NaN, infinity or numbers that no net has; fetch them again")
    return values


def convert(cfg: Path, weights: Path, target: Path) -> Path:
    """Write the ONNX form of a Darknet net; a half-written file is never left at `target`.

    Raises:
        ModelMissingError: a file is not there.
        ModelCorruptError: the weights do not fit the cfg.
        ModelUnsupportedError: the net has a layer that is not known here, or the package onnx is missing.
        StoreError: the target cannot be written.
    """
    with _telling_of(weights):
        model = model_from_darknet(*_read(cfg, weights))
    with writing(target):
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        part.write_bytes(model.SerializeToString())
        part.replace(target)
    return target


def converted(cfg: Path, weights: Path, folder: Path) -> Path:
    """The ONNX form of a Darknet net in a folder of such, made where it is not there yet.

    Its name holds the checksum of both files, so another net of the same name is never taken for it.
    Raises what `convert` raises.
    """
    digest = hashlib.sha256()
    for path in (cfg, weights):
        if not path.is_file():
            raise ModelMissingError(f"{path} is not there; a Darknet net is a .cfg and a .weights file side by side")
        digest.update(path.read_bytes())
    target = folder / f"{weights.stem}-{digest.hexdigest()[:16]}.onnx"
    return target if target.is_file() else convert(cfg, weights, target)


def model_from_darknet(sections: list[Section], values: Values) -> onnx.ModelProto:
    """The ONNX model of a net, its batch free and its input of the size that `[net]` says.

    Raises:
        ModelCorruptError: there are more or fewer weights than the layers need.
        ModelUnsupportedError: a layer is not known here, or the package onnx is missing.
    """
    try:
        import onnx as _  # noqa: F401 asked for before the work is done
    except ImportError as error:
        raise ModelUnsupportedError(
            'converting a Darknet net needs onnx, which is not installed; `pip install "unbroken[convert]"` brings it'
        ) from error
    return _model(_graph(sections, values))


def check(cfg: Path, weights: Path) -> None:
    """Check that weights belong to a cfg, without the package onnx: OpenCV 4 reads files that are cut off in silence.

    Raises:
        ModelMissingError: a file is not there.
        ModelCorruptError: the weights do not fit the cfg.
        ModelUnsupportedError: the net has a layer that is not known here.
    """
    with _telling_of(weights):
        _graph(*_read(cfg, weights))


@contextmanager
def _telling_of(weights: Path) -> Iterator[None]:
    """What is wrong with a net is told with its name: a site may have several."""
    try:
        yield
    except (ModelCorruptError, ModelUnsupportedError) as error:
        raise type(error)(f"{weights}: {error}") from error


def _read(cfg: Path, weights: Path) -> tuple[list[Section], Values]:
    for path in (cfg, weights):
        if not path.is_file():
            raise ModelMissingError(f"{path} is not there; a Darknet net is a .cfg and a .weights file side by side")
    sections = sections_from_cfg(cfg.read_text(encoding="utf-8", errors="replace"))
    return sections, values_from_weights(weights.read_bytes())


def _graph(sections: list[Section], values: Values) -> _Graph:
    head = sections[0]
    channels, height, width = (head.number(name, usual, 1) for name, usual in _INPUT.items())
    if max(height, width) > _LARGEST_SIDE:
        raise ModelCorruptError(f"Darknet cfg: the input is {width} x {height}; give {_LARGEST_SIDE} pixels at most")
    graph = _Graph(values, (channels, height, width))
    for number, section in enumerate(sections[1:]):
        if section.kind not in _LAYERS:
            raise ModelUnsupportedError(
                f"Darknet cfg: layer {number} is [{section.kind}], which is not known here; "
                f"known are {', '.join(sorted(_LAYERS))}"
            )
        _LAYERS[section.kind](graph, section)
    graph.finish()
    return graph


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A layer's answer: its name in the graph, channels, height and width."""

    name: str
    channels: int
    height: int
    width: int


@dataclass(slots=True)
class _Graph:
    """What is built: nodes as (operation, inputs, outputs, attributes), constants by name, layers in order."""

    values: Values
    size: tuple[int, int, int]
    cursor: int = 0
    nodes: list[tuple[str, list[str], list[str], dict[str, object]]] = field(default_factory=list)
    constants: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    layers: list[_Tensor] = field(default_factory=list)
    outputs: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def last(self) -> _Tensor:
        """The answer of the layer before."""
        return self.layers[-1] if self.layers else _Tensor("input", *self.size)

    def take(self, count: int) -> Values:
        """The next weights."""
        part = self.values[self.cursor : self.cursor + count]
        if len(part) < count:
            raise ModelCorruptError(
                f"Darknet weights: {len(self.values)} numbers end in layer {len(self.layers)}; "
                "the file is cut off or belongs to another .cfg"
            )
        self.cursor += count
        return part

    def finish(self) -> None:
        """Check that all weights are used and that there is something to answer."""
        if self.cursor != len(self.values):
            raise ModelCorruptError(
                f"Darknet weights: the .cfg takes {self.cursor} of {len(self.values)} numbers; the file is of another"
            )
        if not self.outputs:
            raise ModelUnsupportedError("Darknet cfg: there is no [yolo] layer; give the .cfg of a YOLO detector")

    def layer(self, number: int) -> _Tensor:
        """The layer that an option names: from the front, or, where negative, backwards from here."""
        place = number if number >= 0 else len(self.layers) + number
        if not 0 <= place < len(self.layers):
            raise ModelCorruptError(f"Darknet cfg: layer {len(self.layers)} refers to layer {place}, which is none")
        return self.layers[place]

    def push(self, tensor: _Tensor) -> None:
        """The next layer's answer."""
        if tensor.channels < 1 or not (1 <= tensor.height <= _LARGEST_SIDE and 1 <= tensor.width <= _LARGEST_SIDE):
            raise ModelCorruptError(
                f"Darknet cfg: layer {len(self.layers)} answers {tensor.channels} x {tensor.height} x {tensor.width}; "
                "mend sizes and strides"
            )
        self.layers.append(tensor)

    def add(self, operation: str, inputs: list[str], **attributes: object) -> str:
        """A node with one output; its name."""
        name = f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append((operation, inputs, [name], attributes))
        return name

    def sliced(self, source: str, start: int, end: int, axis: int) -> str:
        """The part of a tensor from `start` up to `end` along an axis; its name."""
        edges = [self.constant(np.array([edge], dtype=np.int64)) for edge in (start, end, axis)]
        return self.add("Slice", [source, *edges])

    def constant(self, value: NDArray[np.generic]) -> str:
        """A constant; its name."""
        name = f"constant_{len(self.constants)}"
        self.constants[name] = value
        return name


def _convolutional(graph: _Graph, section: Section) -> None:
    source, filters, size = graph.last, section.number("filters", 1, 1), section.number("size", 1, 1)
    groups, stride = section.number("groups", 1, 1), section.number("stride", 1, 1)
    if source.channels % groups or filters % groups:
        raise ModelCorruptError(f"Darknet cfg: layer {len(graph.layers)} cannot split its channels in {groups} groups")
    padding = size // 2 if section.number("pad", 0) else section.number("padding", 0)
    bias = graph.take(filters)
    gain = np.ones(filters, dtype=np.float32)
    if section.number("batch_normalize", 0):
        scales, means, variances = (graph.take(filters) for _ in range(3))
        if (variances < 0).any():
            raise ModelCorruptError(
                f"Darknet weights: layer {len(graph.layers)} has variances below 0; "
                "the file is damaged or belongs to another .cfg"
            )
        gain = scales / np.sqrt(variances + _EPSILON)
        bias = bias - means * gain
    shape = (filters, source.channels // groups, size, size)
    kernel = graph.take(math.prod(shape)).reshape(shape) * gain[:, None, None, None]
    name = graph.add(
        "Conv",
        [source.name, graph.constant(kernel.astype(np.float32)), graph.constant(bias.astype(np.float32))],
        kernel_shape=[size, size], strides=[stride, stride], pads=[padding] * 4, group=groups,
    )  # fmt: skip
    height, width = ((side + 2 * padding - size) // stride + 1 for side in (source.height, source.width))
    name = _activated(graph, name, section.options.get("activation", "logistic"))
    graph.push(_Tensor(name, filters, height, width))


def _activated(graph: _Graph, name: str, activation: str) -> str:
    if activation == "linear":
        return name
    if activation == "leaky":
        return graph.add("LeakyRelu", [name], alpha=_LEAK)
    if activation == "relu":
        return graph.add("Relu", [name])
    if activation == "logistic":
        return graph.add("Sigmoid", [name])
    if activation == "swish":
        return graph.add("Mul", [name, graph.add("Sigmoid", [name])])
    if activation == "mish":
        return graph.add("Mul", [name, graph.add("Tanh", [graph.add("Softplus", [name])])])
    raise ModelUnsupportedError(f"Darknet cfg: layer {len(graph.layers)} has the unknown activation {activation!r}")


def _maxpool(graph: _Graph, section: Section) -> None:
    """Darknet pads by size - 1 in all, the smaller half in front, so that stride 1 keeps the size."""
    source, stride = graph.last, section.number("stride", 1, 1)
    size = section.number("size", stride, 1)
    padding = section.number("padding", size - 1)
    front, back = padding // 2, padding - padding // 2
    name = graph.add(
        "MaxPool", [source.name], kernel_shape=[size, size], strides=[stride, stride], pads=[front, front, back, back]
    )
    height, width = ((side + padding - size) // stride + 1 for side in (source.height, source.width))
    graph.push(_Tensor(name, source.channels, height, width))


def _upsample(graph: _Graph, section: Section) -> None:
    source, stride = graph.last, section.number("stride", 2, 1)
    scales = graph.constant(np.array([1, 1, stride, stride], dtype=np.float32))
    name = graph.add(
        "Resize", [source.name, "", scales],
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    graph.push(_Tensor(name, source.channels, source.height * stride, source.width * stride))


def _route(graph: _Graph, section: Section) -> None:
    """Layers side by side; with `groups`, only the group `group_id` of each one's channels."""
    groups, chosen = section.number("groups", 1, 1), section.number("group_id", 0)
    if chosen >= groups:
        raise ModelCorruptError(f"Darknet cfg: group_id is {chosen} where groups is {groups}; count from 0")
    parts = []
    for number in section.numbers("layers"):
        source = graph.layer(int(number))
        count = source.channels // groups
        name = source.name
        if groups > 1:
            name = graph.sliced(source.name, chosen * count, (chosen + 1) * count, axis=1)
        parts.append(_Tensor(name, count, source.height, source.width))
    if not parts or len({(part.height, part.width) for part in parts}) > 1:
        raise ModelCorruptError(f"Darknet cfg: layer {len(graph.layers)} routes layers of different sizes, or none")
    name = parts[0].name if len(parts) == 1 else graph.add("Concat", [part.name for part in parts], axis=1)
    graph.push(_Tensor(name, sum(part.channels for part in parts), parts[0].height, parts[0].width))


def _shortcut(graph: _Graph, section: Section) -> None:
    source = graph.last
    others = section.numbers("from")
    if not others:
        raise ModelCorruptError(f"Darknet cfg: layer {len(graph.layers)} lacks from; name the layer that it adds")
    other = graph.layer(int(others[0]))
    if (source.channels, source.height, source.width) != (other.channels, other.height, other.width):
        raise ModelUnsupportedError(f"Darknet cfg: layer {len(graph.layers)} adds layers of different shapes")
    name = _activated(graph, graph.add("Add", [source.name, other.name]), section.options.get("activation", "linear"))
    graph.push(_Tensor(name, source.channels, source.height, source.width))


def _yolo(graph: _Graph, section: Section) -> None:
    """Centre = (cell + sigmoid * s - (s - 1) / 2) / cells, size = exp * anchor / input, class * objectness.

    With `new_coords` (Scaled-YOLOv4, arXiv 2011.08036) the values are sigmoids already and size = (2 v)^2 * anchor.
    """
    source, classes = graph.last, section.number("classes", 20, 1)
    written = section.numbers("anchors")
    anchors = np.array(written[: len(written) // 2 * 2], dtype=np.float32).reshape(-1, 2)
    mask = [int(number) for number in section.numbers("mask")] or list(range(len(anchors)))
    columns, cells = 5 + classes, source.height * source.width
    if source.channels != len(mask) * columns or not all(0 <= number < len(anchors) for number in mask):
        raise ModelCorruptError(
            f"Darknet cfg: layer {len(graph.layers)} has {source.channels} channels "
            f"where {len(mask)} anchors of {columns} are due"
        )
    grid, sizes = _grid_and_sizes(graph, anchors[mask])
    rows = _rows(graph, len(mask), columns)
    fresh = section.number("new_coords", 0) == 0
    offsets, extents, objectness, scores = _columns(graph, rows, classes)
    act = (lambda name: graph.add("Sigmoid", [name])) if fresh else (lambda name: name)
    (stretch,) = _numbers("scale_x_y", [section.options.get("scale_x_y", "1")])
    cell = np.array([1 / source.width, 1 / source.height], dtype=np.float32)
    centre = graph.add("Mul", [act(offsets), graph.constant(stretch * cell)])
    centre = graph.add("Add", [centre, graph.constant((grid - (stretch - 1) / 2) * cell)])
    extent = graph.add("Exp", [extents]) if fresh else graph.add("Mul", [extents, extents])
    extent = graph.add("Mul", [extent, graph.constant(sizes if fresh else 4 * sizes)])
    seen = act(objectness)
    answer = graph.add("Concat", [centre, extent, seen, graph.add("Mul", [act(scores), seen])], axis=2)
    graph.outputs.append((answer, cells * len(mask), columns))
    graph.layers.append(source)


def _grid_and_sizes(graph: _Graph, anchors: Values) -> tuple[Values, Values]:
    """For each row, cell by cell and anchor by anchor: its column and row, and its size as fractions of the input."""
    source = graph.last
    ys, xs = np.divmod(np.arange(source.height * source.width), source.width)
    grid = np.repeat(np.stack([xs, ys], axis=1), len(anchors), axis=0).astype(np.float32)
    sizes = np.tile(anchors / np.array([graph.size[2], graph.size[1]]), (source.height * source.width, 1))
    return grid, sizes.astype(np.float32)


def _rows(graph: _Graph, anchors: int, columns: int) -> str:
    """(N, anchors * columns, H, W) as (N, H * W * anchors, columns)."""
    source = graph.last
    split = graph.constant(np.array([0, anchors, columns, source.height * source.width], dtype=np.int64))
    turned = graph.add("Transpose", [graph.add("Reshape", [source.name, split])], perm=[0, 3, 1, 2])
    flat = graph.constant(np.array([0, source.height * source.width * anchors, columns], dtype=np.int64))
    return graph.add("Reshape", [turned, flat])


def _columns(graph: _Graph, rows: str, classes: int) -> tuple[str, str, str, str]:
    """Offsets (2), extents (2), objectness (1) and classes of each row."""
    edges = (0, 2, 4, 5, 5 + classes)
    first, second, third, fourth = (graph.sliced(rows, start, end, axis=2) for start, end in pairwise(edges))
    return first, second, third, fourth


def _nothing(graph: _Graph, section: Section) -> None:
    """A layer that only matters in training."""
    graph.layers.append(graph.last)


_LAYERS = {
    "convolutional": _convolutional,
    "maxpool": _maxpool,
    "upsample": _upsample,
    "route": _route,
    "shortcut": _shortcut,
    "yolo": _yolo,
    "dropout": _nothing,
}


def _model(graph: _Graph) -> onnx.ModelProto:
    from onnx import TensorProto, checker, helper, numpy_helper

    made = helper.make_graph(
        [helper.make_node(kind, inputs, names, **attributes) for kind, inputs, names, attributes in graph.nodes],
        "darknet",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", *graph.size])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape]) for name, *shape in graph.outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in graph.constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="unbroken")
    model.ir_version = _IR_VERSION
    checker.check_model(model)
    return model
