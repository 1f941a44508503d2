"""What a test needs that lies beside the project: it is used where it lies, or the test is skipped with a sentence."""

import os
from pathlib import Path

import pytest


def data(path: str) -> Path:
    """A file or folder below `UNBROKEN_DATA` (default `../shared`), such as `data/mot17_half`."""
    root = Path(os.environ.get("UNBROKEN_DATA", Path(__file__).resolve().parents[2] / "shared"))
    if not (root / path).exists():
        pytest.skip(f"{root / path} is not there: set UNBROKEN_DATA to the folder that holds data/ and models/")
    return root / path
