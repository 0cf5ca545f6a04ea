"""Comma-, semicolon-, tab- and pipe-separated values."""

import csv
import re
from collections import Counter

from ingest.readers.document import Section, block
from ingest.readers.encoding import decode
from ingest.readers.rows import is_header, row_text


def read_delimited(data: bytes, name: str) -> tuple[str, list[Section]]:
    """One table section; every row names its columns, and stands on its own lines of the file."""
    lines = decode(data).split("\n")
    start = 1 if re.fullmatch(r"sep=.", lines[0]) else 0  # Excel's own first line
    delimiter = lines[0][-1] if start else _delimiter(lines[:50])
    try:
        rows = _rows(lines[start:], delimiter, csv.QUOTE_MINIMAL)
    except csv.Error:  # a quote never closed: then a quote is a character, and a line is a row
        rows = _rows(lines[start:], delimiter, csv.QUOTE_NONE)

    # Each row goes to the line where it begins, so that the text keeps the lines of the file.
    placed = [""] * len(lines)
    header: list[str] | None = None
    for line, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if header is None:
            header = row if is_header(row) else []
            if header:
                continue
        text = row_text(header, row)
        begins = start + line + text[: len(text) - len(text.lstrip())].count("\n")
        for offset, one in enumerate(text.strip().split("\n")):
            placed[begins + offset] = one.rstrip()
    section = block(placed, 1, kind="table")
    return name, [section] if section else []


def _rows(lines: list[str], delimiter: str, quoting: int) -> list[tuple[int, list[str]]]:
    """(line index where it begins, cells) of every row."""
    reader = csv.reader(
        (f"{line}\n" for line in lines),
        delimiter=delimiter,
        quoting=quoting,  # type: ignore[arg-type]
        strict=True,
        skipinitialspace=True,
    )
    rows = []
    begins = 0
    for row in reader:
        rows.append((begins, row))
        begins = reader.line_num
    return rows


def _delimiter(lines: list[str]) -> str:
    """The sign that divides most lines into the same number of cells, two at least.

    csv.Sniffer guesses from letter frequencies and often takes a letter for the delimiter.
    """
    best, best_score = ",", 0
    for delimiter in ",;\t|":
        widths = Counter(
            re.sub(r'"[^"]*"', "", line).count(delimiter) for line in lines if line.strip()
        )
        width, score = max(widths.items(), key=lambda item: (item[0] > 0, item[1]), default=(0, 0))
        if width > 0 and score > best_score:
            best, best_score = delimiter, score
    return best
