"""Everything that is wrong with a site file is told at once, each with the line it stands on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.config.problems import known_keys, parsed

WRONG = """\
[detection]
evry = 3
score = 1.5

[[cameras]]
name = "hall"
source = "hall.mp4"

[[cameras]]
name = "hall two"
region = [[0, 0],
          [9, "x"]]

[live]
transport = "tpc"

[[outputs.webhooks]]
url = "http://one.example/"

[[outputs.webhooks]]
url = "ftp://two.example/"
"""


def test_all_mistakes_are_told_in_the_order_of_lines():
    settings, problems = parsed(WRONG)
    assert settings is None
    assert [(problem.line, problem.key) for problem in problems] == [
        (2, "detection.evry"),
        (3, "detection.score"),
        (9, "cameras.1.source"),
        (10, "cameras.1.name"),
        (12, "cameras.1.region.1.1"),
        (15, "live.transport"),
        (21, "outputs.webhooks.1.url"),
    ]
    assert "did you mean every?" in problems[0].text
    assert "did you mean tcp?" in problems[5].text
    assert all("\n" not in problem.sentence("site.toml") for problem in problems)


def test_settings_that_do_not_go_together_are_told_with_their_lines():
    settings, problems = parsed(
        """
reid.model = "none"
identity = { policy = "fixed" }
cameras = [
  { name = "hall", source = "a.mp4" },
  { name = "hall", source = "b.mp4" },
]
[[zones]]
name = "till"
camera = "hell"
polygon = [[0, 0], [1, 0], [1, 1]]
[topology]
apart = [["hall", "door"]]
"""
    )
    assert settings is not None
    assert [(problem.line, problem.key) for problem in problems] == [
        (3, "identity.policy"),
        (6, "cameras.1.name"),
        (10, "zones.0.camera"),
        (13, "topology.apart.0.1"),
    ]


def test_settings_that_contradict_each_other_are_told_with_their_lines():
    _, problems = parsed(
        """
[[cameras]]
name = "hall"
source = "a.mp4"
[[cameras]]
name = "door"
source = "b.mp4"
[topology]
overlapping = [["hall", "door"]]
apart = [["hall", "hall"],
         ["door", "hall"]]
[[topology.links]]
cameras = ["hall", "door"]
fastest = 9
usual = 3
[[lines]]
name = "gate"
start = [0, 0]
end = [1, 0]
[[lines]]
name = "gate"
start = [0, 0]
end = [1, 0]
[live]
first_retry = 9
"""
    )
    assert [problem.line for problem in problems] == [10, 11, 15, 21, 25]


def test_a_camera_with_a_wrong_setting_is_not_also_called_missing():
    _, problems = parsed('[[cameras]]\nname = "hall"\nsauce = "a.mp4"\n')
    assert [problem.key for problem in problems] == ["cameras.0.source", "cameras.0.sauce"]


@pytest.mark.parametrize("text", ["x = " + "[" * 5000 + "]" * 5000, "a." * 3000 + "a = 1", "[[[", "a = 1\na = 2"])
def test_strange_toml_is_one_sentence(text):
    settings, problems = parsed(text)
    assert settings is None
    assert len(problems) >= 1


def test_an_option_of_the_wrong_kind_is_one_sentence_and_not_one_per_kind():
    """`nan` was told to be no boolean, no whole number, no finite number and no text."""
    options = "[identity.options]\nfalse_merge_rate = nan\nenough = [1]\npatience = 2026-01-01\npolite = true\n"
    _, problems = parsed(f'[[cameras]]\nname = "hall"\nsource = "a.mp4"\n{options}')
    assert [(problem.line, problem.key) for problem in problems] == [
        (5, "identity.options.false_merge_rate"),
        (6, "identity.options.enough"),
        (7, "identity.options.patience"),
    ]
    assert problems[0].text == "identity.options.false_merge_rate: nan is not finite; give a number"
    assert "[1] is neither text nor a number" in problems[1].text


def test_known_keys_of_tables_in_lists():
    assert "stay" in known_keys(["zones", "3"])
    assert "timeout" in known_keys(["outputs", "webhooks", "0"])
    assert "tls" in known_keys(["outputs", "mqtt"])
    assert known_keys(["tracking", "options"]) == []


@given(st.lists(st.sampled_from(WRONG.splitlines()), max_size=25))
def test_lines_in_any_order_give_settings_or_sentences(lines):
    settings, problems = parsed("\n".join(lines))
    assert settings is not None or problems
    assert all(0 <= problem.line <= len(lines) + 1 for problem in problems)
