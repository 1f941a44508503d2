"""Darknet nets as tests make them: architectures as text, and random weights that fit them."""

import struct
from pathlib import Path

import numpy as np

from unbroken.detection.darknet import sections_from_cfg

ANCHORS = "10,14, 23,27, 37,58, 81,82, 135,169, 344,319"


def conv(filters, size, stride=1, activation="leaky", normalised=True, **more):
    lines = ["[convolutional]"] + (["batch_normalize=1"] if normalised else [])
    lines += [f"filters={filters}", f"size={size}", f"stride={stride}", "pad=1", f"activation={activation}"]
    return "\n".join(lines + [f"{name}={value}" for name, value in more.items()]) + "\n"


def section(kind, **options):
    return f"[{kind}]\n" + "".join(f"{name} = {value}\n" for name, value in options.items())


def yolo(mask, classes, **more):
    return section("yolo", mask=mask, anchors=ANCHORS, classes=classes, num=6, thresh=0, **more)


def split_stage(channels):
    """The partial cross-stage block of the tiny net: half the channels pass two convolutions and meet again."""
    half = channels // 2
    return (
        conv(channels, 3)
        + section("route", layers="-1", groups=2, group_id=1)
        + conv(half, 3)
        + conv(half, 3)
        + section("route", layers="-1,-2")
        + conv(channels, 1)
        + section("route", layers="-6,-1")
        + section("maxpool", size=2, stride=2)
    )


def yolov4_tiny(size=416, classes=80):
    """YOLOv4-tiny (arXiv 2011.08036): 38 layers, two of them yolo."""
    outputs = 3 * (5 + classes)
    return (
        section("net", batch=1, width=size, height=size, channels=3)
        + conv(32, 3, 2)
        + conv(64, 3, 2)
        + split_stage(64)
        + split_stage(128)
        + split_stage(256)
        + conv(512, 3)
        + conv(256, 1)
        + conv(512, 3)
        + conv(outputs, 1, activation="linear", normalised=False)
        + yolo("3,4,5", classes, scale_x_y=1.05)
        + section("route", layers="-4")
        + conv(128, 1)
        + section("upsample", stride=2)
        + section("route", layers="-1, 23")
        + conv(256, 3)
        + conv(outputs, 1, activation="linear", normalised=False)
        + yolo("1,2,3", classes, scale_x_y=1.05)
    )


def other_layers(size=64, classes=3):
    """What yolov3-tiny and yolov4 have beside it: stride-1 pooling, shortcuts, mish, swish, pyramids of pools."""
    return (
        section("net", width=size, height=size, channels=3)
        + conv(8, 3, 2, "mish")
        + conv(8, 3, 1, "swish")
        + section("shortcut", **{"from": "-2"}, activation="linear")
        + conv(16, 3, 2, "relu")
        + section("maxpool", size=2, stride=1)
        + conv(16, 1, 1, "leaky")
        + section("maxpool", size=5, stride=1)
        + section("route", layers="-2")
        + section("maxpool", size=9, stride=1)
        + section("route", layers="-1,-3")
        + conv(3 * (5 + classes), 1, activation="linear", normalised=False)
        + yolo("0,1,2", classes)
    )


def scaled_head(size=64, classes=3):
    """The head of Scaled-YOLOv4: its values are sigmoids before the yolo layer."""
    return (
        section("net", width=size, height=size, channels=3)
        + conv(8, 3, 2, "mish")
        + conv(16, 3, 2, "mish")
        + conv(3 * (5 + classes), 1, activation="logistic", normalised=False)
        + yolo("0,1,2", classes, scale_x_y=2.0, new_coords=1)
    )


def weights_for(text, seed=0):
    """Random weights with the scale that keeps the signal alive from layer to layer, with a header of version 0.2.5."""
    rng = np.random.default_rng(seed)
    parts, channels = [], [3]
    for layer in sections_from_cfg(text)[1:]:
        count = channels[-1] if len(channels) > 1 else 3
        if layer.kind == "convolutional":
            filters, size = layer.number("filters", 1), layer.number("size", 1)
            fan = count * size * size
            parts.append(rng.normal(0, 0.3, filters))
            if layer.number("batch_normalize", 0):
                parts += [rng.uniform(0.7, 1.3, filters), rng.normal(0, 0.3, filters), rng.uniform(0.5, 1.5, filters)]
            parts.append(rng.normal(0, (1.6 / fan) ** 0.5, filters * fan))
            channels.append(filters)
        elif layer.kind == "route":
            chosen = [int(number) for number in layer.numbers("layers")]
            found = [channels[number if number < 0 else number + 1] for number in chosen]
            channels.append(sum(found) // layer.number("groups", 1))
        else:
            channels.append(count)
    body = np.concatenate(parts).astype("<f4").tobytes()
    return struct.pack("<iiiq", 0, 2, 5, 32013312) + body


def write(folder: Path, text, seed=0, name="yolov4-tiny"):
    """A `.cfg` and its `.weights`; the paths of both."""
    cfg, weights = folder / f"{name}.cfg", folder / f"{name}.weights"
    cfg.write_text(text)
    weights.write_bytes(weights_for(text, seed))
    return cfg, weights
