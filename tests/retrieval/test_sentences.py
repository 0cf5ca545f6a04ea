"""Sentences: at their stops and at the ends of lines, and not within a number."""

import pytest

from ragcl.retrieval.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("At 3.5 m, e.g.here.", ["At 3.5 m, e.g.here."]),
        ("a; b\n\nc: d\n", ["a; b", "c: d"]),
        ("\u6e2f\u53e3\u3002\u6df1\uff01", ["\u6e2f\u53e3\u3002", "\u6df1\uff01"]),
        ("Is it deep? No.\nIt is shallow.", ["Is it deep? No.", "It is shallow."]),
        ("How deep?\nWhere?\n\n11 m at the mole.\n", ["How deep?", "Where? 11 m at the mole."]),
        ("\u591a\u6df1\uff1f\n11 m", ["\u591a\u6df1\uff1f 11 m"]),
        ("  ", []),
        ("no end", ["no end"]),
    ],
)
def test_a_text_is_split_into_sentences_and_lines(text: str, expected: list[str]) -> None:
    assert split_sentences(text) == expected
