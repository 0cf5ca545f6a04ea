"""Rows of cells → lines that can be understood alone: `Header: value; Header: value`."""

import re
from collections.abc import Sequence

_FIGURE = re.compile(r"[\s$€£¥%+(~<>≤≥-]*\d[\d\s.,:/'%)\u2013-]*$")
_LONGEST_NAME = 100


def is_header(row: Sequence[str]) -> bool:
    """Whether a first row names its columns: distinct short texts, none of them a figure."""
    names = [cell.strip() for cell in row if cell.strip()]
    return (
        len(names) * 2 > len(row)
        and len(set(names)) == len(names)
        and all(len(name) <= _LONGEST_NAME and not _FIGURE.match(name) for name in names)
    )


def row_text(header: Sequence[str], row: Sequence[str]) -> str:
    """One row as text: empty cells left out, columns without a name numbered from 1.

    Line breaks inside a cell stay, indented, so that the row keeps the file's lines.
    """
    text = ""
    for column, cell in enumerate(row):
        value = "\n".join(line.strip() for line in cell.split("\n"))
        if value.strip():
            name = " ".join(header[column].split()) if column < len(header) else ""
            text += "; " if text.strip() else ""
            text += f"{name or f'column {column + 1}'}: {value}"
        else:
            text += "\n" * value.count("\n")
    return text.replace("\n", "\n  ")


def table_text(rows: Sequence[Sequence[str]], header: Sequence[str] | None = None) -> str:
    """A table as text, one line a row; without `header`, the first row may turn out to be it."""
    if header is None:
        header = rows[0] if len(rows) > 1 and is_header(rows[0]) else ()
        rows = rows[1:] if header else rows
    texts = (" ".join(row_text(header, row).split()) for row in rows)
    return "\n".join(text for text in texts if text)
