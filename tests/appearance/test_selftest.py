"""A card that feeds a Re-ID net wrongly is found out, with drawn people and with the user's own."""

from dataclasses import replace

import numpy as np
import pytest

import vtest
from needs import data
from unbroken.appearance.mannequins import crops_of_mannequins
from unbroken.appearance.selftest import SelfTestSettings, convict, examined, self_test, separation
from unbroken.core.cards import InputSpec
from unbroken.core.errors import ContractError, ModelUnsupportedError
from unbroken.inference.loading import load
from unbroken.models.registry import find

FEW = SelfTestSettings(people=16)


def osnet():
    found = find("osnet_x0_25_msmt17", [data("models")], (".onnx",))
    return load(found.path), found.card


def test_separation_is_the_distance_of_the_means_in_standard_deviations():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(12, 5)).astype(np.float32)
    people = np.repeat(np.arange(4), 3)
    ours, others = [], []
    for i in range(12):
        for j in range(i):
            (ours if people[i] == people[j] else others).append(float(features[i] @ features[j]))
    wanted = (np.mean(ours) - np.mean(others)) / np.sqrt((np.var(ours) + np.var(others)) / 2)
    assert separation(features, people) == pytest.approx(wanted, rel=1e-5)


def test_crops_without_a_pair_are_refused():
    features = np.eye(4, dtype=np.float32)
    for people in (np.zeros(4, dtype=np.int64), np.arange(4)):
        with pytest.raises(ContractError, match="some of them more than once"):
            separation(features, people)


def test_the_same_seed_draws_the_same_people_and_another_seed_others():
    first, who = crops_of_mannequins(3, 2, np.random.default_rng(5))
    again, _ = crops_of_mannequins(3, 2, np.random.default_rng(5))
    other, _ = crops_of_mannequins(3, 2, np.random.default_rng(6))
    assert who.tolist() == [0, 0, 1, 1, 2, 2]
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not any(np.array_equal(one, two) for one, two in zip(first, other, strict=True))
    assert {crop.shape for crop in first} == {(256, 128, 3)}


def test_the_right_card_passes():
    net, card = osnet()
    verdict = self_test(net, card)
    assert verdict.passed
    convict(verdict, card)


@pytest.mark.parametrize(
    "wrong",
    [InputSpec(128, 256, "RGB", 1.0), InputSpec(128, 256, "RGB", 255.0), InputSpec(128, 256, "BGR", 1.0)],
    ids=["0..255", "0..1", "0..255 and BGR"],
)
def test_a_wrong_normalisation_is_convicted_and_the_right_one_named(wrong):
    net, card = osnet()
    bad = replace(card, input=wrong)
    verdict = self_test(net, bad, FEW)
    assert not verdict.passed
    assert (verdict.card.input.mean[1], verdict.card.input.std[1]) == (0.456, 0.224)
    with pytest.raises(ModelUnsupportedError, match=r"fed \w+ / .* tells people apart better fed \w+ / 255, mean 0\.4"):
        convict(verdict, bad)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["osnet_x0_25_msmt17", "person-reidentification-retail-0288"])
def test_red_and_blue_exchanged_is_convicted(name):
    found = find(name, [data("models")], (".onnx",))
    spec = found.card.input
    order = "RGB" if spec.order == "BGR" else "BGR"
    verdict = self_test(load(found.path), replace(found.card, input=replace(spec, order=order)))
    assert not verdict.passed
    assert verdict.card.input.order == spec.order


def test_real_people_convict_a_wrong_normalisation_too():
    net, card = osnet()
    rows = vtest.truth()
    crops, people = [], []
    for frame in vtest.frames(100):
        for row in rows[rows[:, 0] == frame.index + 1]:
            x, y, w, h = (int(value) for value in row[2:6])
            crops.append(frame.image[max(y, 0) : y + h, max(x, 0) : x + w])
            people.append(int(row[1]))
    bad = replace(card, input=InputSpec(128, 256, "RGB", 1.0))
    assert not examined(net, bad, crops, np.array(people)).passed
