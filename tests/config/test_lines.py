"""Every key of a TOML text is found on its line, however it is written down."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.config.lines import line_at, lines_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = '''\
# a = 1
title = "x # no comment = 3"
a.b."c d" = 1
text = """
no_key = 3
[no.table]
"""
inline = { one = 1, two = [1,
  2], "th.ree" = { four = 4 } }

[table]
key = 'it''s' # tail
[table.below]
key = 1
[[list]]
key = 1
[list.sub]
key = 2
[[list]] # another
key = [
  # first
  { x = 1 },
  { x = 2 },
]
[[list.inner]]
key = 5
'''.replace("'it''s'", "'its'")


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("title",), 2),
        (("a", "b", "c d"), 3),
        (("text",), 4),
        (("inline", "two"), 8),
        (("inline", "two", 1), 9),
        (("inline", "th.ree", "four"), 9),
        (("table", "key"), 12),
        (("table", "below", "key"), 14),
        (("list", 0), 15),
        (("list", 0, "sub", "key"), 18),
        (("list", 1, "key", 0, "x"), 22),
        (("list", 1, "key", 1), 23),
        (("list", 1, "inner", 0, "key"), 26),
        (("list", 1, "not there"), 19),
        (("nowhere",), 0),
    ],
)
def test_where_a_key_stands(location, line):
    tomllib.loads(TEXT)
    assert line_at(lines_of(TEXT), location) == line


keys = st.text("ab.# ", min_size=1, max_size=3)
values = st.recursive(
    st.integers() | st.booleans() | st.text(st.characters(codec="ascii"), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


def written(value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = {written(inner)}' for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(written, value)) + "\n]"
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(letter):04x}" for letter in value) + '"'
    return str(value).lower()


def places(value, place=()):
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*place, key))


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), values, max_size=5))
def test_every_place_that_tomllib_knows_has_a_line_and_lines_never_go_back(content):
    text = "".join(f"{key} = {written(value)}\n" for key, value in content.items())
    assert tomllib.loads(text) == content
    lines = lines_of(text)
    wanted = [place for place in places(content) if place]
    assert set(lines) == set(wanted)
    found = [lines[place] for place in wanted]
    assert found == sorted(found)


@given(st.text(max_size=60))
def test_whatever_tomllib_reads_can_be_walked(text):
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = lines_of(text)
    assert all((key,) in lines for key in content)
