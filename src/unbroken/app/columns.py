"""Named columns of equal length, read from `.npz` and `.parquet` files that somebody else has written."""

from __future__ import annotations

import importlib.util
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unbroken.core.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import pyarrow

_DAMAGED = (
    OSError, ValueError, TypeError, AttributeError, EOFError, KeyError, RuntimeError, SyntaxError, MemoryError,
    struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
"""What NumPy and the zip reader below it raise for files that are cut off, changed or of another kind."""


def read_columns(path: Path, names: Collection[str]) -> dict[str, NDArray[np.generic]]:
    """The columns of these names that the file has; others are not read.

    In a Parquet file a missing list is a row of NaN.

    Raises:
        StoreError: the file cannot be read.
        ConfigError: rows of lists differ in length, or a row that is no list is missing.
    """
    if not path.is_file():
        raise StoreError(f"{path}: is not there; give a .npz or .parquet file")
    if path.suffix == ".parquet":
        return _from_parquet(path, names)
    if not zipfile.is_zipfile(path):
        raise StoreError(
            f"{path}: cannot be read as .npz or .parquet (cut off, or another kind); see unbroken identify -h"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if name in names}
    except _DAMAGED as error:
        if "allow_pickle" in str(error):
            raise StoreError(f"{path}: holds Python objects; save arrays of plain numbers or text") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StoreError(f"{path}: cannot be read as .npz or .parquet ({reason}); see unbroken identify -h") from error


def need_pyarrow() -> None:
    """Raise unless Parquet files can be read and written here.

    Raises:
        ConfigError: the package for it is missing.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise ConfigError("Parquet files need pyarrow; pip install 'unbroken[parquet]', or use .npz")


def _from_parquet(path: Path, names: Collection[str]) -> dict[str, NDArray[np.generic]]:
    need_pyarrow()
    import pyarrow.parquet

    try:
        found = [name for name in pyarrow.parquet.read_schema(path).names if name in names]
        table = pyarrow.parquet.read_table(path, columns=found).combine_chunks()
    except (OSError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"{path}: cannot be read as Parquet ({reason}); write it anew") from error
    return {name: _values(table[name].combine_chunks(), f"{path}: {name!r}") for name in found}


def _values(column: pyarrow.Array, what: str) -> NDArray[np.generic]:
    import pyarrow.types

    there = column.is_valid().to_numpy(zero_copy_only=False)
    kind = column.type
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind) or pyarrow.types.is_fixed_size_list(kind):
        return _lists(column, there, what)
    if not there.all():
        raise ConfigError(f"{what} is empty in row {int(np.argmin(there))}; fill it or leave such rows out")
    if pyarrow.types.is_timestamp(kind):
        times: NDArray[np.generic] = column.to_numpy(zero_copy_only=False)
        return times
    return np.asarray(column.to_pylist())


def _lists(column: pyarrow.Array, there: NDArray[np.bool_], what: str) -> NDArray[np.generic]:
    """(rows, width); NaN where there is no list."""
    from pyarrow.compute import list_value_length

    widths = np.unique(list_value_length(column).drop_null().to_numpy())
    if len(widths) > 1:
        raise ConfigError(f"{what} has rows of different length ({widths[0]} and {widths[-1]}); give the same in each")
    width = int(widths[0]) if len(widths) else 0
    values = column.flatten().to_numpy(zero_copy_only=False)
    if there.all():
        rows: NDArray[np.generic] = values.reshape(len(there), width)
        return rows
    filled = np.full((len(there), width), np.nan)
    filled[there] = values.reshape(-1, width)
    return filled
