"""People nobody has followed yet: foot points that no track explains, put together across cameras."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.identity.ground.motion import inverted


@dataclass(slots=True)
class Cluster:
    """Foot points, at most one per camera, that may be one person: fused place, covariance, and who they are."""

    point: Floats
    covariance: Floats
    rows: list[int]


def clusters(points: Floats, covariances: Floats, cameras: Ints, gate: float, alike: Floats) -> list[Cluster]:
    """Group foot points of one instant: each joins the nearest group that its camera is not in yet, best known first.

    Args:
        points: (N, 2) metres.
        covariances: (N, 2, 2).
        cameras: (N,).
        gate: the squared Mahalanobis distance (2 degrees of freedom) within which a point joins a group; looks count
            as much as they change the likelihood.
        alike: (N, N) log-likelihood ratios that two of them look like one person rather than like two.
    """
    found: list[Cluster] = []
    for row in np.argsort(np.linalg.det(covariances), kind="stable").tolist():
        near = [
            (_distance(group, points[row], covariances[row]) - 2 * float(alike[row, group.rows].mean()), number)
            for number, group in enumerate(found)
        ]
        free = [one for one in near if one[0] < gate and cameras[row] not in cameras[found[one[1]].rows]]
        if free:
            _join(found[min(free)[1]], points[row], covariances[row], row)
        else:
            found.append(Cluster(points[row], covariances[row], [row]))
    return found


def _distance(group: Cluster, point: Floats, covariance: Floats) -> float:
    offset = point - group.point
    return float(offset @ inverted(group.covariance + covariance) @ offset)


def _join(group: Cluster, point: Floats, covariance: Floats, row: int) -> None:
    old, new = inverted(group.covariance), inverted(covariance)
    group.covariance = inverted(old + new)
    group.point = group.covariance @ (old @ group.point + new @ point)
    group.rows.append(row)
