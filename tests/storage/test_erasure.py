"""The search for traces finds what brute force finds, at every place."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unbroken.storage import erasure
from unbroken.storage.erasure import pieces, search

WINDOW = 24


def vectors(count: int) -> list[bytes]:
    return [np.random.default_rng(seed).normal(size=64).astype(np.float32).tobytes() for seed in range(count)]


@given(data=st.data())
def test_a_piece_is_found_wherever_it_lies_and_nothing_else_is(data: st.DataObject) -> None:
    traces = pieces(vectors(20))
    other = np.random.default_rng(99).bytes(data.draw(st.integers(0, 300)))
    piece = data.draw(st.sampled_from(sorted(traces)))
    length = data.draw(st.integers(0, WINDOW))
    content = other + piece[:length] + other[:50]
    expected = any(trace in content for trace in traces)
    assert expected == (length == WINDOW)
    assert bool(search(traces, [], [("content", content)]).found) == expected


def test_a_piece_over_the_edge_of_two_chunks_of_a_file_is_found(tmp_path: Path, monkeypatch: object) -> None:
    monkeypatch.setattr(erasure, "_CHUNK", 100)  # type: ignore[attr-defined]
    traces = pieces(vectors(1))
    piece = min(traces)
    for before in range(60, 140):
        path = tmp_path / str(before)
        path.write_bytes(bytes(before) + piece + bytes(70))
        assert len(search(traces, [path]).found) == 1
    proof = search(traces, [tmp_path / "nowhere"])
    assert (proof.files, proof.found) == (0, ())


def test_a_vector_of_zeros_has_no_telling_piece() -> None:
    assert pieces([bytes(2048)]) == frozenset()
    assert "nothing biometric was known" in str(search(frozenset(), []))
