"""Files as they come in from outside: good ones, damaged at random places with what such files usually break by."""

import re
from contextlib import contextmanager

import pytest
from hypothesis import strategies as st

from unbroken.core.errors import UnbrokenError

TOKENS = (
    b"", b"\x00", b"\xff\xfe", b"\n", b"\r\n", b",", b",,", b";", b" ", b"\t", b"#", b"=", b"[", b"]", b"{", b"}",
    b'"', b"'", b"-", b"-1", b"0", b"1e999", b"-1e999", b"nan", b"inf", b"9" * 25, b"1e308", b"4294967296", b"0.0",
    b"null", b"true", b"[]", b"{}", b'""', b"\xc3\xa4", b"\xed\xa0\x80", b"%", b"%(x)s", b"\\", b"\\u0000", b"[" * 200,
)  # fmt: skip
"""What has broken parsers before: signs, limits of numbers, encodings, structure, interpolation, nesting."""

_places = st.floats(0, 1, exclude_max=True)
_edit = st.tuples(
    st.sampled_from(["insert", "replace", "delete", "double", "swap", "cut", "value", "value", "value"]),
    _places,
    st.integers(1, 24),
    st.sampled_from(TOKENS) | st.binary(max_size=4),
)


edits = st.lists(_edit, max_size=6)
"""What `broken` does to a file."""


def damaged(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """One of the seeds with up to six edits; sometimes none, sometimes nothing of it is left."""
    return st.builds(broken, st.sampled_from(seeds), edits)


def broken(content: bytes, changes: list[tuple[str, float, int, bytes]]) -> bytes:
    """A file with some edits."""
    for kind, place, length, token in changes:
        at = int(place * (len(content) + 1))
        piece = content[at : at + length]
        if kind == "insert":
            content = content[:at] + token + content[at:]
        elif kind == "replace":
            content = content[:at] + token + content[at + length :]
        elif kind == "delete":
            content = content[:at] + content[at + length :]
        elif kind == "double":
            content = content[: at + length] + piece + content[at + length :]
        elif kind == "value":
            words = [found.span() for found in re.finditer(rb"[\w.+-]+", content)]
            start, end = words[int(place * len(words))] if words else (at, at)
            content = content[:start] + token + content[end:]
        elif kind == "swap":
            content = content[:at] + piece[::-1] + content[at + length :]
        else:
            content = content[:at]
    return content


@contextmanager
def only_sentences():
    """Whatever is done inside may fail with one sentence, and in no other way."""
    try:
        yield
    except UnbrokenError as error:
        said = str(error).strip()
        if not said or "\n" in said:
            pytest.fail(f"not one sentence: {said!r}")
    except Warning as warning:
        pytest.fail(f"a warning came out: {warning!r}")
