"""Which identity manager a site gets."""

from __future__ import annotations

import pytest

from unbroken.app.build import identity_of
from unbroken.config.reading import checked
from unbroken.identity.fusion import GroundedManager
from unbroken.identity.manager import CalibratedManager


@pytest.mark.parametrize(
    ("model", "calibrated", "pictures", "kind"),
    [
        ("none", 2, True, GroundedManager),
        ("colour", 2, False, GroundedManager),
        ("colour", 2, True, CalibratedManager),
        ("none", 1, True, CalibratedManager),
    ],
)
def test_the_ground_joins_views_where_nobodys_looks_are_known(
    model: str, calibrated: int, pictures: bool, kind: type
) -> None:
    cameras = [{"name": "hall", "source": "hall.mp4"}]
    settings = checked({"cameras": cameras, "reid": {"model": model}}, "test")
    assert type(identity_of(settings, calibrated, pictures=pictures)) is kind
