"""Values of columns, checked: a database that was changed by hand is told (`StoreError`), not believed."""

from __future__ import annotations

from unbroken.core.errors import StoreError


def whole(value: object) -> int:
    """A column that holds a whole number."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        raise StoreError(f"the database holds {value!r} where a whole number belongs; restore a backup")
    return value


def real(value: object) -> float:
    """A column that holds a number."""
    if not isinstance(value, (int, float)):
        raise StoreError(f"the database holds {value!r} where a number belongs; restore a backup")
    return float(value)


def blob(value: object) -> bytes:
    """A column that holds bytes."""
    if not isinstance(value, bytes):
        raise StoreError(f"the database holds {value!r} where bytes belong; restore a backup")
    return value
