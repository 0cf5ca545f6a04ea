"""JSON as programs write it, and what notebooks print."""

import json
from pathlib import Path

import pytest

from ingest import Document, ReadError, read


def read_text(folder: Path, name: str, content: str) -> Document:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return read(path)


def test_numbers_are_as_they_are_written(tmp_path: Path) -> None:
    source = '{"a": 1.50, "b": 1e5, "c": 12345678901234567890123, "d": [0.10, -0.0], "e": 007e1}'
    source = source.replace("007e1", "9" * 5000)
    text = read_text(tmp_path, "a.json", source).sections[0].text
    assert text.split("\n\n")[:4] == [
        "a: 1.50",
        "b: 1e5",
        "c: 12345678901234567890123",
        "d: 0.10, -0.0",
    ]
    assert text.endswith("9" * 5000)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson"])
def test_a_record_a_line_under_any_name(tmp_path: Path, name: str) -> None:
    document = read_text(tmp_path, name, '{"pump": "Heron"}\n{"pump": "Kite"}\n')
    assert [(one.kind, one.text, one.first_line) for one in document.sections] == [
        ("table", "pump: Heron\npump: Kite", 1)
    ]


def test_values_that_follow_each_other(tmp_path: Path) -> None:
    for name in ("a.json", "a.jsonl"):
        document = read_text(tmp_path, name, '{\n"pump": 1\n}\n{\n"pump": 2\n}\n')
        assert document.sections[0].text == "pump: 1\npump: 2"


@pytest.mark.parametrize("name", ["a.json", "a.jsonc"])
def test_comments_and_commas_too_many(tmp_path: Path, name: str) -> None:
    source = (
        '{ // how long\n "minutes": 45, /* not\n "x": 1, */\n "at": "http://a/,]", "l": [1,],\n}'
    )
    assert read_text(tmp_path, name, source).sections[0].text == (
        "minutes: 45\n\nat: http://a/,]\n\nl: 1"
    )


def test_bad_lines_are_named_and_the_others_read(tmp_path: Path) -> None:
    document = read_text(tmp_path, "a.jsonl", '{"a": 1}\n{"a": \n\n{"a": 3}\nx\n')
    assert document.sections[0].text == "a: 1\n\n\na: 3"
    assert document.notes == ("lines 2, 5 are no valid JSON and are left out",)
    with pytest.raises(ReadError, match="not valid JSON"):
        read_text(tmp_path, "a.jsonl", "no\nrecord\n")


def test_what_notebooks_show_in_other_forms(tmp_path: Path) -> None:
    table = "<table><tr><th>field</th><th>yield</th></tr><tr><td>West</td><td>6.4</td></tr></table>"
    outputs = [
        {"data": {"text/html": table, "text/plain": "  field  yield\n0  West  6.4"}},
        {"data": {"text/markdown": ["**Total**", " 77"], "text/plain": "<Markdown object>"}},
        {"data": {"text/html": "<p>Done</p>", "text/plain": "<IPython.core.display.HTML object>"}},
        {"data": {"image/png": "iVBO", "text/plain": "<Figure size 640x480 with 1 Axes>"}},
        {"output_type": "error", "ename": "ValueError", "evalue": "no seed", "traceback": ["x"]},
        {"text": "y" * 3000},
    ]
    cells = [
        {"cell_type": "code", "source": "show()", "outputs": outputs},
        {"cell_type": "raw", "source": "Raw words."},
    ]
    document = read_text(tmp_path, "a.ipynb", json.dumps({"cells": cells}))
    assert [(one.kind, one.text[:30]) for one in document.sections] == [
        ("code", "show()"),
        ("table", "field: West; yield: 6.4"),
        ("prose", "**Total** 77"),
        ("prose", "Done"),
        ("code", "ValueError: no seed\n" + "y" * 10),
        ("prose", "Raw words."),
    ]
    assert document.notes == ("1 output cut to 2,000 characters",)
