"""The rows of tables and records in a text: named fields with their values.

Knows no question.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragcl.text.sentences import split_sentences

_FIELD = re.compile(r"([^\W\d][\w .()/-]{0,39}): (\S.*)")
_RULE = re.compile(r":?-+:?")  # below the header of a table in Markdown


@dataclass(frozen=True)
class Row:
    """A row of a table or a record: its (name, value) fields in order, and its heading path."""

    fields: tuple[tuple[str, str], ...]
    heading: str

    @property
    def key(self) -> str:
        """The value that identifies the row: that of its first field."""
        return self.fields[0][1]

    @property
    def kind(self) -> tuple[str, str]:
        """The heading and the first field's name, which are the same for all rows of a table."""
        return self.heading, self.fields[0][0]


def row(sentence: str, heading: str, header: str | None = None) -> Row | None:
    """Parse a row below a header, or `name: value; name: value`; None if it is neither."""
    if header is not None:
        mark = "\t" if "\t" in header else "|"
        cells = [one.strip() for one in sentence.strip(mark).split(mark)]
        names = [one.strip() for one in header.strip(mark).split(mark)]
        fields = [(name, cell) for name, cell in zip(names, cells, strict=False) if name and cell]
    else:
        matches = [_FIELD.fullmatch(one.strip()) for one in sentence.split("; ")]
        fields = [(one[1], one[2]) for one in matches if one]
        if len(fields) < len(matches):
            return None
    is_rule = all(_RULE.fullmatch(value) for _, value in fields)
    return Row(tuple(fields), heading) if len(fields) > 1 and not is_rule else None


def headers(sentences: Sequence[str]) -> list[int | None]:
    """For each sentence the index of its table's header; None if it is no row.

    Consecutive sentences with the same number of separators are a table; the first is the header.
    """
    found: list[int | None] = []
    for place, one in enumerate(sentences):
        separators = _separators(one)
        before = found[-1] if found else None
        if separators and place and separators == _separators(sentences[place - 1]):
            found.append(place - 1 if before is None else before)
        else:
            found.append(None)
    return found


def _separators(sentence: str) -> tuple[str, int] | None:
    """The separator of a row's cells and its number; None if the sentence is no row."""
    counts = [(mark, sentence.count(mark)) for mark in "|\t"]
    return next((one for one in counts if one[1] > (one[0] == "|")), None)


def of(text: str, heading: str) -> list[Row]:
    """The rows that a passage holds."""
    sentences = split_sentences(text)
    places = headers(sentences)
    found = [
        row(one, heading, None if place is None else sentences[place])
        for one, place in zip(sentences, places, strict=True)
    ]
    return [one for one in found if one]


def last_part(name: str) -> str:
    """The name of a field without those of what it is in: "cycle" of "releases.cycle"."""
    return name.rsplit(".", 1)[-1]
