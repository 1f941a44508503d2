"""Array types, and the one check that every value passes when it is made."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from unbroken.core.errors import ContractError

Floats: TypeAlias = NDArray[np.float64]
Features: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Image: TypeAlias = NDArray[np.uint8]


def frozen(values: ArrayLike, dtype: DTypeLike, shape: tuple[int, ...], name: str) -> NDArray[np.generic]:
    """Return `values` as a read-only array of the given type and shape.

    Args:
        values: anything that numpy can read. It is copied only where its type differs or its numbers do not lie row
            after row: the order decides how sums are rounded, and what was stored has to give the same to the bit.
        dtype: the type of the result.
        shape: the shape that is demanded; -1 stands for any length. An empty input takes any shape with a 0 in it.
        name: what the message calls it.

    Returns:
        A read-only view (or copy) of `values`.

    Raises:
        ContractError: the shape does not fit or the values cannot be numbers.
    """
    try:
        array = np.asarray(values, dtype=dtype, order="C")
    except (TypeError, ValueError) as error:
        raise ContractError(f"{name}: cannot be read as an array of {np.dtype(dtype).name} ({error})") from error
    if array.size == 0 and array.ndim != len(shape):
        array = array.reshape([max(length, 0) for length in shape])
    if not _fits(array.shape, shape):
        wanted = "(" + ", ".join("N" if length < 0 else str(length) for length in shape) + ")"
        raise ContractError(f"{name}: has shape {array.shape}; give an array of shape {wanted}")
    view: NDArray[np.generic] = array.view()
    view.setflags(write=False)
    return view


def _fits(have: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    if have == wanted:
        return True
    return len(have) == len(wanted) and all(want in (-1, length) for want, length in zip(wanted, have, strict=True))


def finite(array: NDArray[np.generic], name: str) -> None:
    """Raise a ContractError that names the first row with NaN or infinity in a float array of 1 or 2 dimensions."""
    good = np.isfinite(array)
    if not good.all():
        row = int(np.argmin(good.reshape(len(array), -1).all(axis=1)))
        shown = " ".join(np.array2string(np.asarray(array[row]), threshold=8, edgeitems=2).split())
        raise ContractError(f"{name}: row {row} is {shown}; remove rows with NaN or infinity before they get here")
