"""MOTChallenge's rules for what counts: distractors excuse a result, marked rows are no truth."""

from __future__ import annotations

import numpy as np

from unbroken.core.arrays import Bools, Ints
from unbroken.evaluation.pairing import EPSILON, Pairing, assigned

PEDESTRIAN = 1
"""The class of MOTChallenge that is scored."""
DISTRACTORS = (2, 7, 8, 12)
"""Person on a vehicle, static person, distractor, reflection: a result that matches one is taken out (MOT16, MOT17)."""
MOT20_DISTRACTORS = (*DISTRACTORS, 6)
"""MOT20 adds the vehicle without an engine."""


def without_distractors(
    pairing: Pairing, classes: Ints, marked: Bools, distractors: tuple[int, ...] = DISTRACTORS
) -> Pairing:
    """What is left to be scored.

    Result rows that match (IoU >= 0.5, Hungarian over all classes) a truth row of a distractor class are taken out;
    then truth rows of any class but pedestrian, and those with a zero mark.

    Args:
        pairing: of all truth rows, whatever their class.
        classes: (N,) MOTChallenge class of each truth row, in the order of the truth that was given to `pair`.
        marked: (N,) whether the row counts (column 7 is not 0), in the same order.
        distractors: classes that excuse a result.
    """
    classes, marked = classes[pairing.truth_order], marked[pairing.truth_order]
    excused = np.isin(classes, distractors)
    gone = np.zeros(len(pairing.result_ids), dtype=np.bool_)
    close = pairing.similarity >= 0.5 - EPSILON
    rows, columns = pairing.rows[close], pairing.columns[close]
    taken = assigned(pairing.frames[close], rows, columns, pairing.similarity[close])
    gone[columns[taken & excused[rows]]] = True
    return pairing.without((classes != PEDESTRIAN) | ~marked, gone)
