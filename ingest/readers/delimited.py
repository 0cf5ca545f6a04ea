"""Comma-, semicolon-, tab- and pipe-separated values.

Knows the lines of each record in the file; `rows` finds the header.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ingest.readers.document import Section, block
from ingest.readers.encoding import decode
from ingest.readers.rows import (
    find_header,
    is_labelled,
    join_names,
    labelled_text,
    row_text,
    title_text,
)


def read_delimited(data: bytes, name: str) -> tuple[str, list[Section]]:
    """One table; every row names its columns or has a label, and keeps its lines of the file.

    The text above the header is a section of its own.
    """
    lines = decode(data).split("\n")
    start = 1 if re.fullmatch(r"sep=.", lines[0]) else 0  # Excel's own first line
    delimiter = lines[0][-1] if start else _delimiter(lines[:50])
    records = [
        (start + line, row)
        for line, row in _records(lines[start:], delimiter)
        if any(cell.strip() for cell in row)
    ]
    rows = [row for _, row in records]
    placed = [""] * len(lines)
    if len(rows) > 1 and is_labelled(rows):
        for line, row in records:
            placed[line] = labelled_text(row)
        section = block(placed, 1, kind="table")
        return name, [section] if section else []
    begin, end = find_header(rows)
    begin = len(records) if len(records) == 1 else begin  # a header without rows
    header = join_names(rows[begin:end])

    # Each row is on the line where it begins, so that the text keeps the lines of the file.
    for line, row in records[:begin]:
        last = line + "".join(row).count("\n")
        placed[line : last + 1] = lines[line : last + 1] if last > line else [title_text(row)]
    for line, row in records[max(begin, end) :]:
        text = row_text(header, row)
        begins = line + text[: len(text) - len(text.lstrip())].count("\n")
        for offset, one in enumerate(text.strip().split("\n")):
            placed[begins + offset] = one.rstrip()
    first = records[begin][0] if begin < len(records) else len(lines)
    sections = (block(placed[:first], 1), block(placed[first:], first + 1, kind="table"))
    return name, [section for section in sections if section]


def _records(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line index where it begins, cells) of every record.

    A quotation mark that is never closed, or closed within a cell, is an ordinary character, and
    affects no other line.
    """
    at = width = 0
    while at < len(lines):
        row, taken = _quoted(lines, at, delimiter)
        if taken != 1 or not row:
            alone = _cells(lines[at], delimiter)
            if not row or len(row) != width == len(alone):
                row, taken = alone, 1
        width = width if len(row) < 2 else len(row)
        yield at, row
        at += taken


def _quoted(lines: Sequence[str], at: int, delimiter: str) -> tuple[list[str], int]:
    """The record that begins at a line, and its number of lines; empty if its quoting is wrong."""
    following = (f"{lines[number]}\n" for number in range(at, len(lines)))
    reader = csv.reader(following, delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        return next(reader), reader.line_num
    except csv.Error:
        return [], 1


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line whose quoting is wrong; correctly quoted cells are unquoted."""
    quoted = rf'\s*"(?:[^"]|"")*"\s*(?={re.escape(delimiter)}|$)'
    plain = rf"[^{re.escape(delimiter)}]*"
    cells = re.findall(rf"(?:^|{re.escape(delimiter)})({quoted}|{plain})", line)
    return [
        cell.strip()[1:-1].replace('""', '"') if re.fullmatch(quoted, cell) else cell.strip()
        for cell in cells
    ]


def _delimiter(lines: list[str]) -> str:
    """The delimiter that divides most lines into the same number of cells, at least two.

    csv.Sniffer guesses from letter frequencies and often takes a letter for the delimiter.
    """
    text = "\n".join(lines)
    inside = r'"[^"]*"' if text.count('"') % 2 == 0 else r'"[^"\n]*"'
    unquoted = [line for line in re.sub(inside, "", text).split("\n") if line.strip()]
    best, best_score = ",", 0
    for delimiter in ",;\t|":
        widths = Counter(line.count(delimiter) for line in unquoted)
        width, score = max(widths.items(), key=lambda item: (item[0] > 0, item[1]), default=(0, 0))
        if width > 0 and score > best_score:
            best, best_score = delimiter, score
    return best
