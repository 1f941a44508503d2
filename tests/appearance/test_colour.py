"""The built-in descriptor: who wears what, whatever the camera's colours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.appearance.colour import ColourEmbedder, ColourSettings
from unbroken.core.errors import ContractError


def person(seed, view=0):
    """Somebody in clothes of his own, before a wall: 24 people differ, views differ by noise, shift and light."""
    random = np.random.default_rng(seed)
    shirt, trousers, hair = random.uniform(20, 220, (3, 3))
    look = np.random.default_rng((seed, view))
    picture = np.full((120, 50, 3), 130.0) + look.normal(0, 10, 3)
    shift = look.integers(-3, 4)
    picture[5:22, 18 + shift : 32 + shift] = hair
    picture[22:64, 10 + shift : 40 + shift] = shirt
    if random.random() < 0.5:
        picture[22:64:8, 10 + shift : 40 + shift] *= 0.5
    picture[64:118, 13 + shift : 37 + shift] = trousers
    picture = picture * look.uniform(0.85, 1.15) + look.normal(0, 5, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def under(crop, cast):
    return np.clip(crop * np.asarray(cast), 0, 255).astype(np.uint8)


CASTS = [(1.25, 1.0, 0.75), (0.75, 1.0, 1.2), (0.6, 0.6, 0.6), (1.0, 1.2, 0.85)]


@pytest.mark.parametrize("cast", CASTS)
def test_the_same_person_ranks_first_under_another_colour_cast(cast):
    embedder = ColourEmbedder()
    first = embedder.embed([person(seed) for seed in range(24)])
    second = embedder.embed([under(person(seed, view=1), cast) for seed in range(24)])
    ranks = (first @ second.T).argmax(axis=1)
    assert (ranks == np.arange(24)).mean() >= 0.9


def test_where_the_colours_are_counts_and_not_only_which():
    crop = np.full((90, 40, 3), 60, np.uint8)
    crop[:45] = (40, 40, 200)
    same, turned, _ = ColourEmbedder().embed([crop, crop[::-1].copy(), crop])
    assert same @ turned < 0.8


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 70), st.integers(1, 90))
def test_rows_are_of_unit_length_for_crops_of_any_size(seed, width, height):
    crop = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    embedder = ColourEmbedder()
    rows = embedder.embed([crop, np.zeros_like(crop), np.full_like(crop, 255)])
    assert rows.shape == (3, embedder.dimension)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_a_batch_gives_what_its_crops_give_alone():
    crops = [person(seed) for seed in range(70)]
    embedder = ColourEmbedder()
    alone = np.concatenate([embedder.embed([crop]) for crop in crops])
    np.testing.assert_allclose(embedder.embed(crops), alone, atol=1e-6)


def test_no_crops_are_no_rows():
    embedder = ColourEmbedder()
    assert embedder.embed([]).shape == (0, embedder.dimension)


def test_other_settings_have_another_fingerprint():
    assert ColourEmbedder().fingerprint != ColourEmbedder(ColourSettings(relative=0.2)).fingerprint


def test_a_crop_without_pixels_or_colours_is_refused_by_its_number():
    good = person(1)
    with pytest.raises(ContractError, match=r"crop 1: has shape \(0, 5, 3\)"):
        ColourEmbedder().embed([good, np.zeros((0, 5, 3), np.uint8)])
    with pytest.raises(ContractError, match="BGR"):
        ColourEmbedder().embed([good[:, :, 0]])
