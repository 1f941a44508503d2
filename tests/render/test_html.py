"""No name can break out of the page that it is written on."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from unbroken.render.html import Html, bar, data_uri, el, style, table


class Reader(HTMLParser):
    """Collects tags, attributes and text, as a browser would read them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"])))
def test_text_and_attributes_come_back_as_they_were(word):
    read = Reader(el("p", word, title=word))
    assert read.tags == ["p"]
    assert read.text == word
    assert read.attributes == [("title", word)]


def test_elements_nest_and_attributes_without_a_value_are_left_out():
    assert el("p", el("b", "x"), " & y", id=None, data_n=2.50) == '<p data-n="2.5"><b>x</b> &amp; y</p>'
    assert el("img", alt="") == '<img alt=""/>'
    assert isinstance(el("p"), Html)


def test_tables_have_heads_for_columns_and_rows():
    read = Reader(table(["Camera", "Pictures"], [["<door>", "3"]], "all"))
    assert ("scope", "col") in read.attributes
    assert ("scope", "row") in read.attributes
    assert "<door>" in read.text


def test_bars_stay_between_nothing_and_all():
    assert "width:100.0%" in bar(7, "x")
    assert "width:0.0%" in bar(-1, "x")


def test_pictures_and_style_need_no_other_file():
    assert data_uri(b"abc") == "data:image/jpeg;base64,YWJj"
    assert style("p { } </style><script>").count("<") == 2
