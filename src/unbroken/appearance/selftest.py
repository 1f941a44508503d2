"""Is a Re-ID net fed as it was trained? A wrong card raises no error: the net only tells people apart worse.

The net is fed in other ways too, and each way is judged by how far apart it keeps pairs of crops of one person and
pairs of different people (d', the distance of the two means in standard deviations). A clearly better way convicts the
card. What this catches, and by how much, is measured in `docs/performance.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unbroken.appearance.embedder import NetEmbedder
from unbroken.appearance.mannequins import crops_of_mannequins
from unbroken.core.arrays import Features, Image, Ints
from unbroken.core.cards import InputSpec, Layout, ModelCard
from unbroken.core.errors import ContractError, ModelUnsupportedError
from unbroken.core.ports import Net


@dataclass(frozen=True, slots=True)
class SelfTestSettings:
    """How strictly a card is judged.

    Attributes:
        people: how many are drawn.
        views: how often each is seen.
        normalisation_gain: a way of scaling that is better by this factor convicts the card's.
        order_gain: the other colour order convicts the card's where it is better by this factor; red and blue
            exchanged cost little, so it is near 1, and many people are needed to be sure.
        seed: of the drawn people.
    """

    people: int = 64
    views: int = 3
    normalisation_gain: float = 1.15
    order_gain: float = 1.02
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the self-test found.

    Attributes:
        separation: d' by the way of feeding; the card's own way comes first.
        best: the way that the net should be fed: the card's own, unless another is clearly better.
        card: the card, with that way.
    """

    separation: Mapping[str, float]
    best: str
    card: ModelCard

    @property
    def passed(self) -> bool:
        """Whether the card's own way is the best, as far as can be told."""
        return self.best == next(iter(self.separation))


DEFAULT_SETTINGS = SelfTestSettings()


def self_test(net: Net, card: ModelCard, settings: SelfTestSettings = DEFAULT_SETTINGS) -> Verdict:
    """Examine a card with drawn people.

    Raises:
        ModelUnsupportedError: the net cannot be fed as the card says at all.
    """
    crops, people = crops_of_mannequins(settings.people, settings.views, np.random.default_rng(settings.seed))
    return examined(net, card, crops, people, settings)


def examined(
    net: Net, card: ModelCard, crops: Sequence[Image], people: Ints, settings: SelfTestSettings = DEFAULT_SETTINGS
) -> Verdict:
    """Examine a card with crops whose people are known, such as those of tracks of the user's own footage.

    Args:
        net: the loaded net.
        card: the card that is in doubt.
        crops: N pictures (H, W, 3) BGR.
        people: (N,) who is in each: a track's number will do.
        settings: how strictly.

    Raises:
        ContractError: there are no two crops of one person, or no two people.
        ModelUnsupportedError: the net cannot be fed as the card says at all.
    """
    own = described(card.input)
    found = {own: _separation(net, card, crops, people)}
    best = card
    for spec in _scalings(card.input):
        way = replace(card, input=spec)
        found.setdefault(described(spec), _separation(net, way, crops, people))
    top = max(found, key=lambda name: found[name])
    if found[top] > settings.normalisation_gain * max(found[own], 1e-9):
        best = replace(card, input=next(spec for spec in _scalings(card.input) if described(spec) == top))
    turned = replace(best, input=_turned(best.input))
    found[described(turned.input)] = _separation(net, turned, crops, people)
    if found[described(turned.input)] > settings.order_gain * found[described(best.input)]:
        best = turned
    return Verdict(found, described(best.input), best)


def convict(verdict: Verdict, card: ModelCard) -> None:
    """Raise a ModelUnsupportedError with the mend where the self-test speaks against a card."""
    if verdict.passed:
        return
    own = next(iter(verdict.separation))
    raise ModelUnsupportedError(
        f"net {card.name} is fed {own} by its card and tells people apart better fed {verdict.best} "
        f"(d' {verdict.separation[verdict.best]:.2f} against {verdict.separation[own]:.2f}); "
        "mend order, scale, mean and std of the card"
    )


def separation(features: Features, people: Ints) -> float:
    """D' of the similarities of pairs of one person against pairs of different people. (N, D), (N,) -> a number.

    Raises:
        ContractError: there are no two crops of one person, or no two people.
    """
    similarity = (features @ features.T).astype(np.float64)
    upper = np.triu(np.ones(similarity.shape, dtype=np.bool_), 1)
    same = np.equal.outer(people, people)
    ours, others = similarity[same & upper], similarity[~same & upper]
    if not len(ours) or not len(others):
        raise ContractError(
            f"self-test: {len(people)} crops make {len(ours)} pairs of one person and {len(others)} of two; "
            "give two or more people, some of them more than once"
        )
    spread = np.sqrt((ours.var() + others.var()) / 2)
    return float((ours.mean() - others.mean()) / max(spread, 1e-12))


def described(spec: InputSpec) -> str:
    """A way of feeding in words: `RGB / 255, mean 0.485 0.456 0.406, std 0.229 0.224 0.225`."""
    words = f"{spec.order} / {spec.scale:g}"
    if any(spec.mean) or any(value != 1 for value in spec.std):
        means, stds = (" ".join(f"{value:g}" for value in values) for values in (spec.mean, spec.std))
        words += f", mean {means}, std {stds}"
    return words


def _separation(net: Net, card: ModelCard, crops: Sequence[Image], people: Ints) -> float:
    return separation(NetEmbedder(net, card, "").embed(crops), people)


def _scalings(spec: InputSpec) -> list[InputSpec]:
    """The usual ways of scaling pixels, in the colour order of a card: 0..255, 0..1, -1..1, ImageNet's."""
    zeros, ones = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    if spec.order == "BGR":
        mean, std = mean[::-1], std[::-1]
    return [
        replace(spec, scale=1.0, mean=zeros, std=ones),
        replace(spec, scale=255.0, mean=zeros, std=ones),
        replace(spec, scale=127.5, mean=ones, std=ones),
        replace(spec, scale=255.0, mean=mean, std=std),
    ]


def _turned(spec: InputSpec) -> InputSpec:
    """The other colour order; means and deviations stay with their colours."""
    order: Layout = "RGB" if spec.order == "BGR" else "BGR"
    return replace(spec, order=order, mean=spec.mean[::-1], std=spec.std[::-1])
