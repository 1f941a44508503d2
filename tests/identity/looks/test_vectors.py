"""The matrix of vectors agrees with a dictionary and a plain loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.core.errors import ContractError
from unbroken.identity.looks.vectors import Vectors

writes = st.lists(st.tuples(st.booleans(), st.integers(0, 90), st.integers(0, 2**16)), max_size=300)


@settings(max_examples=50, deadline=None)
@given(writes)
def test_puts_and_removals_in_any_order_leave_what_a_dictionary_would_hold(plan):
    vectors, plain = Vectors(), {}
    for put, key, seed in plan:
        if put:
            vector = np.random.default_rng(seed).normal(size=4).astype(np.float32)
            vectors.put(key, vector)
            plain[key] = vector / np.linalg.norm(vector)
        else:
            vectors.remove([key])
            plain.pop(key, None)
    assert sorted(vectors.keys.tolist()) == sorted(plain)
    query = np.array([[0.5, 0.5, 0.5, 0.5]], dtype=np.float32)
    found = dict(zip(vectors.keys.tolist(), vectors.similarities(query)[0], strict=True))
    for key, vector in plain.items():
        assert found[key] == pytest.approx(float(query[0] @ vector), abs=1e-6)


def test_a_vector_of_another_length_is_refused_until_the_gallery_is_empty():
    vectors = Vectors()
    vectors.put(1, np.ones(4, dtype=np.float32))
    with pytest.raises(ContractError, match="have 5 numbers, the gallery holds 4"):
        vectors.put(2, np.ones(5, dtype=np.float32))
    vectors.remove([1])
    vectors.put(2, np.ones(5, dtype=np.float32))
    assert vectors.dimension == 5
