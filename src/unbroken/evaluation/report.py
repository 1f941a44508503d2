"""All scores of one sequence, and of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unbroken.evaluation import clear as clears
from unbroken.evaluation import hota as hotas
from unbroken.evaluation import identity as identities
from unbroken.evaluation.pairing import Pairing


@dataclass(frozen=True, slots=True)
class Scores:
    """HOTA, CLEAR and Identity of the same pairing.

    Attributes:
        hota: over 19 similarities.
        clear: at a similarity of 0.5.
        identity: at a similarity of 0.5.
        people: how many there truly are.
        ids: how many the result names.
    """

    hota: hotas.Hota
    clear: clears.Clear
    identity: identities.Identity
    people: int
    ids: int

    def summary(self) -> dict[str, float | int]:
        """The numbers under the names of the field; accuracies in 0..1, HOTA and its parts as the mean over alphas."""
        hota, clear, identity = self.hota, self.clear, self.identity
        return {
            "HOTA": float(hota.hota.mean()),
            "DetA": float(hota.det_a.mean()),
            "AssA": float(hota.ass_a.mean()),
            "DetRe": float(hota.det_re.mean()),
            "DetPr": float(hota.det_pr.mean()),
            "AssRe": float(hota.ass_re.mean()),
            "AssPr": float(hota.ass_pr.mean()),
            "LocA": float(hota.loc_a.mean()),
            "MOTA": clear.mota,
            "MOTP": clear.motp,
            "IDF1": identity.idf1,
            "IDP": identity.idp,
            "IDR": identity.idr,
            "Recall": clear.recall,
            "Precision": clear.precision,
            "IDSW": clear.switches,
            "Frag": clear.fragmentations,
            "MT": clear.mostly_tracked,
            "PT": clear.partly_tracked,
            "ML": clear.mostly_lost,
            "TP": clear.tp,
            "FP": clear.fp,
            "FN": clear.fn,
            "people": self.people,
            "ids": self.ids,
        }


def score(pairing: Pairing) -> Scores:
    """All scores of one sequence."""
    return Scores(hotas.hota(pairing), clears.clear(pairing), identities.identity(pairing), *pairing.shape)


def combined(scores: Sequence[Scores]) -> Scores:
    """Several sequences as one, each with its own people and ids, as TrackEval's COMBINED_SEQ."""
    return Scores(
        hotas.combined([s.hota for s in scores]),
        clears.combined([s.clear for s in scores]),
        identities.combined([s.identity for s in scores]),
        sum(s.people for s in scores),
        sum(s.ids for s in scores),
    )
