"""A document as Markdown and as HTML: text from a store is never markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from engine.report.document import (
    Bullets,
    Column,
    Document,
    Figure,
    Heading,
    Paragraph,
    Quote,
    code,
    lined_up,
    strong,
)
from engine.report.html import html
from engine.report.markdown import markdown

HOSTILE = (
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](http://evil/x.png)",
    "**bold** `code` | cell",
    "# heading",
    "- item",
    "12. item",
    "a\nb\x1b[31m",
    "&lt;b&gt;",
    "$x^2$ ~~gone~~ _under_",
    '" onload="x',
)


def document(text: str) -> Document:
    return Document(
        text,
        (
            Heading(2, (text,)),
            Paragraph((text, strong(text), code(text))),
            Bullets(((text,),)),
            Quote((text,)),
            lined_up([text, Column(text, numeric=True)], [[text, code(text)]]),
            Figure("name", (text,), "<svg/>", b"png"),
        ),
    )


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("text", HOSTILE)
def test_html_escapes_all_text_and_loads_nothing(text: str) -> None:
    tags = Tags()
    tags.feed(page := html(document(text)))
    assert tags.open == []
    assert "script" not in re.findall(r"<(\w+)", page)
    assert {name for name, _ in tags.attributes} <= {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "alt",
        "src",
    }
    assert [
        value for name, value in tags.attributes if name == "src" and not str(value).startswith("data:")
    ] == []
    shown = text.replace("\n", "␊").replace("\x1b", "␛")
    assert tags.texts.count(shown) >= 6


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_has_no_markup_of_the_text(text: str) -> None:
    from markdown_it import MarkdownIt

    page = markdown(document(text))
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(page)
    inline = [child for token in tokens for child in token.children or ()]
    links = [child.attrs.get("href") for child in inline if child.type == "link_open"]
    images = [child.attrs.get("src") for child in inline if child.type == "image"]
    assert links == ["charts/name.png", "charts/name.svg"]
    assert images == ["charts/name.svg"]
    assert not any(child.type in ("html_inline", "s_open", "em_open") for child in inline)
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2"]
    assert sum(token.type == "list_item_open" for token in tokens) == 1
    assert not any(token.type in ("html_block", "ordered_list_open") for token in tokens)
    rows = [token for token in tokens if token.type == "tr_open"]
    assert len(rows) == 2
    shown = text.replace("\n", "␊").replace("\x1b", "␛")
    plain = [
        "".join(c.content for c in token.children if c.type != "image") for token in tokens if token.children
    ]
    assert sum(shown in line for line in plain) >= 5


def test_numbers_are_right_aligned() -> None:
    table = Document("t", (lined_up(["run", Column("accuracy", numeric=True)], [["a", "0.9"]]),))
    assert "| --- | ---: |" in markdown(table)
    assert '<th>run</th><th class="n">accuracy</th>' in html(table)
    assert '<td>a</td><td class="n">0.9</td>' in html(table)


def test_secrets_are_masked_in_both_documents() -> None:
    address = "postgresql://ada:SECRET@db/x and s3://b/k?token=SECRET"
    for text in (html(document(address)), markdown(document(address))):
        assert "SECRET" not in text
        assert "ada:" in text
