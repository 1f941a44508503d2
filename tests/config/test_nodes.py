"""Where there are nodes, each camera is one's, and `site check` says on which line it is not."""

import pytest

from unbroken.config.problems import parsed

GOOD = """\
[[cameras]]
name = "hall"
source = "hall.mp4"
node = "one"

[bus]
nodes = ["one"]
secret = "SITE_BUS"
"""


def problems(text):
    return [f"{one.line}: {one.text}" for one in parsed(text)[1]]


def test_a_site_of_nodes_is_read():
    settings, found = parsed(GOOD)
    assert found == []
    assert settings.cameras[0].node == "one"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('node = "one"', 'node = "two"', "4: camera hall is to run on 'two'; the nodes are one"),
        ('node = "one"\n', "", "camera hall has no node, and bus.nodes lists some; give it one of one"),
        ('nodes = ["one"]\n', "", "camera hall is to run on 'one'; bus.nodes lists none"),
        ('["one"]', '["one", "one"]', "7: two nodes have the name one; give each a name of its own"),
        ('secret = "SITE_BUS"\n', "", "bus.secret is empty; name an environment variable for it"),
        ("[bus]", '[storage]\ndatabase = "none"\n[bus]', "nothing is; name a database"),
        ("[bus]", '[identity]\npolicy = "none"\n[bus]', "choose a policy"),
        ("[bus]", '[bus]\nlisten = "8643"', "7: bus.listen"),
        ("[bus]", "[bus]\nwait = 61", "7: bus.wait"),
    ],
)
def test_each_mistake_is_one_sentence_with_its_line(old, new, sentence):
    found = problems(GOOD.replace(old, new))
    assert any(sentence in one for one in found), found
