"""Quotes: sentences as they are in their source, with their lines.

The reader's sentences have wrapped lines joined; a user sees the original text. Knows no question
and no model.
"""

import re
from collections.abc import Sequence

from ragcl.catalog.passage import Passage
from ragcl.results import Quote, seen_as
from ragcl.text.scripts import unspaced

FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)


def quotes(passage: Passage, sentences: Sequence[str]) -> list[Quote]:
    """Sentences of a passage in their order; those that follow one another are one quote.

    A block of code of which a line is among them is quoted in whole.
    """
    spans = sorted({found for one in sentences if (found := _place(passage.text, one))})
    blocks = _blocks(passage.text)
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        for first, last in blocks:
            if first < end and start < last:
                start, end = min(start, first), max(end, last)
        follows = merged and not passage.text[merged[-1][1] : start].strip()
        if follows:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return [_quote(passage, start, end) for start, end in merged]


def _place(text: str, sentence: str) -> tuple[int, int] | None:
    """The start and end of a sentence in a text, up to white space."""
    start = text.find(sentence)
    if start >= 0:
        return start, start + len(sentence)
    pieces, between = sentence.split(), r"\W*?\s+\W*?"
    if unspaced(sentence):  # lines were joined without a space
        pieces, between = list("".join(pieces)), rf"(?:{between})?"
    found = re.search(between.join(map(re.escape, pieces)), text) if pieces else None
    return found.span() if found else None


def _blocks(text: str) -> list[tuple[int, int]]:
    """The starts and ends of fenced code blocks."""
    marks = [one.start() for one in FENCE.finditer(text)]
    ends = [text.find("\n", one) for one in marks]
    ends = [len(text) if one < 0 else one for one in ends]
    return list(zip(marks[::2], ends[1::2], strict=False))


def _quote(passage: Passage, start: int, end: int) -> Quote:
    lines = passage.lines
    if lines and lines[1] - lines[0] == passage.text.count("\n"):
        first = lines[0] + passage.text.count("\n", 0, start)
        lines = first, first + passage.text.count("\n", start, end)
    return seen_as(Quote, passage, text=passage.text[start:end], lines=lines)
