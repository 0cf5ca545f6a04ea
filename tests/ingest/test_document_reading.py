"""What holds for any format: clean text, no heading lost, what is left out is said."""

import json
import unicodedata
from email.message import EmailMessage
from pathlib import Path

import pytest

from ingest import Document, FileReader, chunk, read
from ingest.cleaning import without_bytes

HIDDEN = (
    "a\x00b \x1b[31mred\x1b[0m zero\u200bwidth soft\u00adhyphen \u202eturned\u202c caf\u0065\u0301"
)
CLEAN = "ab red zerowidth softhyphen turned café"
BASE64 = "iVBORw0KGgoAAAANSUhEUgAA" * 40


def read_text(folder: Path, name: str, content: str | bytes) -> Document:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path)


def escaped(text: str) -> str:
    return "".join(f"&#{ord(c)};" if ord(c) > 127 else c for c in text if c not in "\x00\x1b")


def quoted_printable(text: str) -> bytes:
    message = EmailMessage()
    message["Subject"] = "Valves"
    message.set_content(text, cte="quoted-printable")
    return bytes(message)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps({"note": HIDDEN})),
        ("a.jsonl", json.dumps({"note": HIDDEN})),
        ("a.yaml", f"note: {json.dumps(HIDDEN)}\n"),
        ("a.html", f"<h1>x</h1><p>{escaped(HIDDEN)}</p>"),
        ("a.xml", f"<a><note>{escaped(HIDDEN)}</note></a>"),
        ("a.ipynb", json.dumps({"cells": [{"cell_type": "markdown", "source": HIDDEN}]})),
        ("a.eml", quoted_printable(HIDDEN)),
        ("a.log", HIDDEN.replace("\x00", "")),
    ],
)
def test_what_a_format_decodes_is_cleaned(tmp_path: Path, name: str, content: str | bytes) -> None:
    text = "\n".join(section.text for section in read_text(tmp_path, name, content).sections)
    assert "softhyphen turned café" in text
    assert not set("\x00\x1b\u200b\u00ad\u202e\u202c\u0301") & set(text)


def test_headings_titles_and_metadata_are_cleaned(tmp_path: Path) -> None:
    page = (
        '<title>Bo&#8203;at</title><meta name="author" content="An&#8203;na"><h1>H&#173;i</h1><p>x'
    )
    document = read_text(tmp_path, "a.html", page)
    assert (document.title, document.sections[0].heading) == ("Boat", ("Hi",))
    assert document.metadata["author"] == ("anna",)
    decomposed = unicodedata.normalize("NFD", "Fähre")
    assert read_text(tmp_path, f"{decomposed}.txt", "x").title == "Fähre"


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_half_a_character_is_lost_and_said(tmp_path: Path, name: str) -> None:
    document = read_text(tmp_path, name, '{"note": "a cut \\ud83d emoji"}')
    assert document.sections[0].text == "note: a cut \ufffd emoji"
    assert document.notes == ("1 character could not be decoded",)
    chunk(document, count_tokens=lambda text: len(text.encode()), max_tokens=200)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.md", f"# Pump\n\n![seal](data:image/png;base64,{BASE64})\n\nThe seal.\n"),
        ("a.rst", f"Pump\n====\n\n.. image:: data:image/png;base64,{BASE64}\n\nThe seal.\n"),
        ("a.json", json.dumps({"text": "The seal.", "picture": BASE64})),
        ("a.html", f"<p>The seal.</p><pre>{BASE64}</pre>"),
    ],
)
def test_files_written_as_letters_are_left_out(tmp_path: Path, name: str, content: str) -> None:
    document = read_text(tmp_path, name, content)
    text = "\n".join(section.text for section in document.sections)
    assert "The seal." in text
    assert "iVBOR" not in text
    assert "base64" in document.notes[0]


def test_long_words_that_are_no_files_stay() -> None:
    for text in ("ACGT" * 300, "=" * 2000, "a" * 600, f"https://a.test/{'b1C' * 30}"):
        assert without_bytes(text) == text


AGENDA = ("9:00 Opening by Tove", "10:30 Coffee", "11:00 Ice, by Emil")


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("a.md", "# Programme\n\n## {}\n\n## {}\n\n## {}\n", (3, 5, 7)),
        ("a.rst", "Programme\n#########\n\n{}\n{rule}\n\n{}\n{rule}\n\n{}\n{rule}\n", (4, 7, 10)),
        ("a.html", "<h1>Programme</h1><h2>{}</h2><h2>{}</h2><h2>{}</h2>", (None, None, None)),
    ],
)
def test_headings_with_nothing_below_them_are_text(
    tmp_path: Path, name: str, content: str, lines: tuple[int | None, ...]
) -> None:
    document = read_text(tmp_path, name, content.format(*AGENDA, rule="=" * 30))
    assert [(one.heading, one.text) for one in document.sections] == [
        (("Programme",), text) for text in AGENDA
    ]
    assert tuple(one.first_line for one in document.sections) == lines
    [one] = chunk(document, count_tokens=lambda text: len(text.split()), max_tokens=60)
    assert one.text == "\n\n".join(AGENDA)


def test_a_title_alone_is_text_and_one_with_text_below_is_not(tmp_path: Path) -> None:
    alone = read_text(tmp_path, "a.md", "# The word is heron-42\n")
    assert [(one.heading, one.text) for one in alone.sections] == [((), "The word is heron-42")]
    filled = read_text(tmp_path, "b.md", "# A\n\n## B\n\ntext\n\n# C\n\n```\ncode\n```\n")
    assert [one.heading for one in filled.sections] == [("A", "B"), ("C",)]
    cells = [{"cell_type": "markdown", "source": "# A"}, {"cell_type": "code", "source": "x = 1"}]
    cells.append({"cell_type": "markdown", "source": "# B"})
    book = read_text(tmp_path, "a.ipynb", json.dumps({"cells": cells}))
    assert [(one.heading, one.text) for one in book.sections] == [(("A",), "x = 1"), ((), "B")]


def test_notes_come_through_the_child(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{"a": \n')
    with FileReader() as reader:
        assert reader.read(path) == read(path)
        assert reader.read(path).notes == ("line 2 is no valid JSON and is left out",)
