"""Markdown and reStructuredText: what was commented out; what is front matter and what a letter."""

from pathlib import Path

import pytest

from ingest import Document, read


def read_text(folder: Path, name: str, content: str) -> Document:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return read(path)


COMMENTED = """\
# Hours <!-- omit in toc -->

<!-- old: at 7:15 -->
It opens at 8:30 <!-- was 8 -->today.

<!--
DRAFT: 0300-11

more of it
-->
[//]: # (hidden too)
`<!-- shown -->` and

```html
<!-- in code -->
```

An arrow <!-- that no one closes.
"""


def test_what_is_commented_out_is_left_out_and_no_line_moves(tmp_path: Path) -> None:
    document = read_text(tmp_path, "a.md", COMMENTED)
    assert document.title == "Hours"
    lines = COMMENTED.split("\n")
    for section in document.sections:
        for offset, line in enumerate(section.text.split("\n")):
            source = lines[section.first_line - 1 + offset]  # type: ignore[operator]
            assert line in ("", source.replace("<!-- was 8 -->", ""))
    text = "\n".join(one.text for one in document.sections)
    for hidden in ("7:15", "was 8", "0300-11", "more of it", "hidden too"):
        assert hidden not in text
    for shown in ("8:30 today", "`<!-- shown -->`", "<!-- in code -->", "that no one closes"):
        assert shown in text


def test_what_is_struck_out_is_left_out_and_no_line_moves(tmp_path: Path) -> None:
    document = read_text(
        tmp_path,
        "a.md",
        "Ticket: ~~140 crowns~~165 crowns, <del>9</del> 12 with a ~~key\nof brass~~ lock.\n\n"
        "- ~~The pool is open.~~\n- [ ] <s>Paint</s>\n- The sauna is open, ~5 to ~~6 guests.\n\n"
        "`~~kept~~` and \\~~kept~~ too.\n\n```\na ~~b~~\n```\n",
    )

    assert [(one.text, one.first_line) for one in document.sections] == [
        (
            "Ticket:  165 crowns,   12 with a\n  lock.\n\n\n\n- The sauna is open, ~5 to ~~6 "
            "guests.\n\n`~~kept~~` and \\~~kept~~ too.",
            1,
        ),
        ("```\na ~~b~~\n```", 10),
    ]


def test_what_is_commented_out_of_restructured_text(tmp_path: Path) -> None:
    source = """\
Hours
=====

.. DRAFT: 0300-11
   more of it

   and more

It opens at 8:30.

..

   A quotation.

.. note:: Stays.

.. _target:
.. [1] A footnote.
"""
    [section] = read_text(tmp_path, "a.rst", source).sections
    assert section.first_line == 9
    assert "0300-11" not in section.text
    for shown in ("8:30", "A quotation.", "Stays.", "A footnote."):
        assert shown in section.text


@pytest.mark.parametrize(
    "letter",
    [
        "---\n\nTo: the board\nFrom: Anna\n\nDear all,\nthe gate is shut.\n\n---\n\nAnna\n",
        "---\nNote: the port is closed\nfrom Monday on, for a week.\n\nDear all:\n---\nText.\n",
        "---\nDear Vera: we meet at nine.\n---\n\nText.\n",
    ],
)
def test_a_rule_above_a_letter_is_no_front_matter(tmp_path: Path, letter: str) -> None:
    sections = read_text(tmp_path, "a.md", letter).sections
    assert {one.kind for one in sections} == {"prose"}


@pytest.mark.parametrize(
    "front", ["title: Port\nby: [a, b]", "title: Port: an overview\nby:\n  - a\n# x"]
)
def test_front_matter_is_read_also_where_it_is_not_quite_yaml(tmp_path: Path, front: str) -> None:
    document = read_text(tmp_path, "a.md", f"---\n{front}\n---\n\nText.\n")
    assert document.title.startswith("Port")
    assert document.sections[-1].text == "Text."
    assert document.sections[0].kind != "prose"
