"""Rows of cells as lines that can be understood alone: `Header: value; Header: value`.

Finds the header by its cells and by the rows below it. Knows no format: the caller repeats a cell
that spans rows or columns in each of them.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

Row = Sequence[str]


class Label(str):
    """The text of a cell that is formatted as a label, such as in bold."""

    __slots__ = ()


_FIGURE = re.compile(r"[\s$€£¥%+(~<>≤≥-]*\d[\d\s.,:/'%)\u2013-]*$")
_BEGINS_WITH_FIGURE = re.compile(r"[\s$€£¥+(~<>≤≥-]*\d")
_YEAR = r"(?:1[5-9]|20|21)\d\d"
# A point or a stretch of time, which may name a column though it is a figure.
_TIME = re.compile(
    rf"{_YEAR}(?:\s*[/\u2013-]\s*(?:\d\d|{_YEAR}))?|{_YEAR}[-/.]\d\d?(?:[-/.]\d\d?)?"
    rf"|\d\d?[-/.]\d\d?[-/.](?:{_YEAR}|\d\d)|\d\d?:\d\d"
)
_ONLY_YEAR = re.compile(_YEAR)
_WHOLE = re.compile(r"\d{1,6}")
_LONGEST_NAME = 100
_LONGEST_QUESTION = 500  # a survey names a column with its question
_LONGEST_LABEL = 60
# Names of facts, which are labels of rows where several of them stand below one another.
# fmt: off
_FACTS = frozenset({
    "name", "owner", "address", "phone", "telephone", "email", "e-mail", "contact", "website",
    "date", "type", "status", "length", "width", "depth", "height", "weight", "size", "colour",
    "color", "price", "fee", "place", "location", "town", "city", "country", "age", "born", "built",
    "subject", "title", "author", "version", "manufacturer", "model", "year", "capacity", "number",
    "value", "unit", "description", "meaning", "remark", "remarks", "note", "notes", "department",
    "eigentümer", "adresse", "telefon", "datum", "typ", "länge", "breite", "tiefe", "höhe",
    "gewicht", "farbe", "preis", "ort", "titel", "wert", "beschreibung", "baujahr",
    "nom", "propriétaire", "téléphone", "longueur", "largeur", "profondeur", "prix", "lieu",
    "valeur", "nombre", "propietario", "dirección", "teléfono", "fecha", "tipo", "precio",
    "navn", "eier", "dato", "lengde", "bredde", "dybde", "høyde", "vekt", "pris", "sted",
})
# fmt: on
_LOOKED_AT = 30  # rows below a header that tell whether it is one


def is_header(row: Row, below: Sequence[Row] = ()) -> bool:
    """Whether a first row is a header: distinct short texts, none of them a figure.

    A name may be a point in time. If the rows below are known, it may also be a step of an even
    scale, be long above short values, or come twice.
    """
    below = below[:_LOOKED_AT]
    names = [cell.strip() for cell in row if cell.strip()]
    figures = [column for column, cell in enumerate(row) if _FIGURE.match(cell)]
    return (
        len(names) * 2 > len(row)
        and (not figures or _is_scale(row, figures, below))
        and all(_is_short(column, row, below) for column in range(len(row)))
        and (len(set(names)) == len(names) or (len(set(names)) > 1 and _differs(row, below)))
    )


def _is_scale(row: Row, figures: list[int], below: Sequence[Row]) -> bool:
    """Whether the figures of a row name their columns: points in time, or an even scale."""
    if figures[0] == 0 or any(_FIGURE.match(cell) for cell in row[: figures[0]]):
        return False
    cells = [row[column].strip() for column in figures]
    if len(set(cells)) < len(cells):
        return False
    if not below:
        return len(cells) > 1 and all(map(_ONLY_YEAR.fullmatch, cells)) and abs(_step(cells)) == 1
    if all(_TIME.fullmatch(cell) for cell in cells):
        return not _mostly(_cells(figures, below), lambda cell: bool(_TIME.fullmatch(cell)))
    return _is_even(cells) and not any(
        _is_even([one[column].strip() for column in figures if column < len(one)]) for one in below
    )


def _is_even(cells: Sequence[str]) -> bool:
    """Whether these are at least three whole numbers at equal distances."""
    return len(cells) > 2 and all(map(_WHOLE.fullmatch, cells)) and _step(cells) != 0


def _step(cells: Sequence[str]) -> int:
    """The equal distance of whole numbers from one to the next; 0 if it differs."""
    steps = {int(after) - int(before) for before, after in pairwise(cells)}
    return steps.pop() if len(steps) == 1 else 0


def _is_short(column: int, row: Row, below: Sequence[Row]) -> bool:
    """Whether a cell is short enough for a name, by itself or compared with its values."""
    length = len(row[column].strip())
    if length <= _LONGEST_NAME:
        return True
    values = _cells([column], below)
    return (
        length <= _LONGEST_QUESTION
        and bool(values)
        and _mostly(values, lambda cell: len(cell) * 2 < length)
    )


def _differs(row: Row, below: Sequence[Row]) -> bool:
    """Whether a row differs from those below: they have figures, or none of its words."""
    names = {cell.strip() for cell in row if cell.strip()}
    unseen = len(below) > 1 and names.isdisjoint(_cells(range(len(row)), below))
    return unseen or names_figures(row, below)


def names_figures(row: Row, below: Sequence[Row]) -> bool:
    """Whether some column has figures below a name that is no figure."""
    below = below[:_LOOKED_AT]
    return any(
        cell.strip()
        and not _BEGINS_WITH_FIGURE.match(cell)
        and _mostly(_cells([column], below), lambda one: bool(_BEGINS_WITH_FIGURE.match(one)))
        for column, cell in enumerate(row)
    )


def _cells(columns: Sequence[int], rows: Sequence[Row]) -> list[str]:
    """The cells of these columns."""
    cells = (row[column].strip() for row in rows for column in columns if column < len(row))
    return [cell for cell in cells if cell]


def _mostly(cells: Sequence[str], holds: Callable[[str], bool]) -> bool:
    """Whether more than half of the cells meet a condition."""
    return sum(map(holds, cells)) * 2 > len(cells)


def find_header(rows: Sequence[Row]) -> tuple[int, int]:
    """Begin and end of the header rows; rows above them are about the whole table.

    Begin and end are equal if there is no header.
    """
    width = max((len(row) for row in rows[:_LOOKED_AT]), default=0)
    # A title may be alone; a label with its value is one only above a table with a header.
    above = 0
    while above < len(rows) and _is_title(rows[above], width):
        above += 1
    titles = above
    while above < len(rows) and width > 3 and _is_pair(rows[above]):
        if _levels(rows[above:]) > 1:
            break
        above += 1
    if levels := _levels(rows[above:]):
        return above, above + levels
    levels = _levels(rows[titles:])
    return titles, titles + levels


def _is_title(row: Row, width: int) -> bool:
    """Whether a row is a title: one cell, or one across the first columns, above a wider table."""
    filled = [cell for cell in row if cell.strip()]
    across = len(set(filled)) == 1 and bool(row[0].strip())
    return not filled or (width > 1 and (len(filled) == 1 or across))


def _is_pair(row: Row) -> bool:
    """Whether a row is a label and a value, a title, or empty."""
    filled = [column for column, cell in enumerate(row) if cell.strip()]
    return filled in ([], [0], [0, 1])


def _levels(rows: Sequence[Row]) -> int:
    """The number of header rows: groups of columns above, their parts below."""
    if len(rows) < 2:
        return 0
    levels, names = 1, list(rows[0])
    while len(rows) > levels + 1 and _is_divided(names, rows[levels]):
        names = join_names([names, rows[levels]])
        levels += 1
    if levels > 1:
        return levels
    return int(is_header(rows[0], rows[1:]))


def _is_divided(upper: Row, lower: Row) -> bool:
    """Whether the lower row names the parts of the groups in the upper one, each once."""
    upper = _spread(upper, lower)
    groups = [first == second != "" for first, second in pairwise(upper)]
    if not any(groups) or len(upper) < len(lower):
        return False
    names = [*upper, *(cell for cell in lower if cell.strip())]
    if any(_FIGURE.match(name) and not _TIME.fullmatch(name.strip()) for name in names):
        return False
    if any(len(name) > _LONGEST_NAME for name in names) or _FIGURE.match(names[0]):
        return False
    for column, name in enumerate(upper):
        part = lower[column].strip() if column < len(lower) else ""
        in_group = any(groups[max(0, column - 1) : column + 1])
        # A column with a name above has none below, and every part of a group has one.
        if (not part) if in_group else (name and part and name != part):
            return False
    joined = [name for name in join_names([upper, lower]) if name]
    return len(set(joined)) == len(joined)


def _spread(upper: Row, lower: Row) -> list[str]:
    """The upper row with each group's name in all its columns.

    In a format without spanning cells the name is in the first column of the group, and the names
    below are the same in every group.
    """
    spread = [cell.strip() for cell in upper]
    spread += [""] * (len(lower) - len(spread))
    parts = [cell.strip() for cell in lower if cell.strip()]
    marked = any(first == second != "" for first, second in pairwise(spread))
    if marked or len(set(parts)) == len(parts):
        return spread
    for column, part in enumerate(lower):
        if column and not spread[column] and part.strip():
            spread[column] = spread[column - 1]
    return spread


def join_names(rows: Sequence[Row]) -> list[str]:
    """The name of every column, joined from the header rows: `Autumn Sown`."""
    names: list[str] = []
    for row in rows:
        names = _spread(names, row) if names else [cell.strip() for cell in row]
        for column, cell in enumerate(row):
            if cell.strip() and cell.strip() != names[column]:
                names[column] = f"{names[column]} {cell.strip()}".strip()
    return names


def is_form(rows: Sequence[Row]) -> bool:
    """Whether the table is a form: each row has labels of its own, and there is no header."""
    width = max(map(len, rows), default=0)
    if width < 2 or width % 2:
        return False
    labels = [
        row[column].strip() for row in rows for column in range(0, len(row), 2) if row[column]
    ]
    if not labels or any(_FIGURE.match(one) or len(one) > _LONGEST_LABEL for one in labels):
        return False
    colons = sum(label.endswith(":") for label in labels)
    if colons * 2 > len(labels):
        return True
    if width > 2 or len(set(labels)) < len(labels):
        return False
    marked = {tuple(isinstance(cell, Label) for cell in row if cell) for row in rows}
    values = _cells([1], rows)
    return marked <= {(True, False), (True,)} or (
        len(rows) > 2 and len({_kind(value) for value in values}) > 2
    )


def _kind(value: str) -> str:
    """The rough kind of a cell's value, which most cells of a column share."""
    if "@" in value or "://" in value:
        return "address"
    if _TIME.fullmatch(value):
        return "time"
    return "figure" if _BEGINS_WITH_FIGURE.match(value) else "text"


def is_labelled(rows: Sequence[Row]) -> bool:
    """Whether each row is a label with its value: a form, or two columns without a header."""
    if is_form(rows):
        return True
    begin, end = find_header(rows)
    if not _has_labels(rows[begin:]):
        return False
    return begin == end or (end == begin + 1 and _is_fact(rows[begin], rows[end:]))


def _is_fact(row: Row, below: Sequence[Row]) -> bool:
    """Whether a first row that could be a header is a fact, like the rows below it."""
    label, value = (cell.strip() for cell in [*row, ""][:2])
    if _TIME.match(value):
        figures = _mostly(_cells([1], below), lambda one: bool(_BEGINS_WITH_FIGURE.match(one)))
        return not figures or _are_facts(label, below)
    if _BEGINS_WITH_FIGURE.match(value):
        return True
    return value.lower() not in _FACTS and _are_facts(label, below)


def _are_facts(label: str, below: Sequence[Row]) -> bool:
    """Whether a label and one of those below it are names of facts."""
    below_it = {cell.lower() for cell in _cells([0], below)}
    return label.lower() in _FACTS and not _FACTS.isdisjoint(below_it)


def form_text(row: Row) -> str:
    """One row of a form: `label: value; label: value`."""
    cells = [" ".join(cell.split()) for cell in row]
    parts = []
    for column in range(0, len(cells), 2):
        label, value = cells[column].rstrip(": "), "".join(cells[column + 1 : column + 2])
        parts.append(f"{label}: {value}" if label and value else label or value)
    return "; ".join(part for part in parts if part)


def row_text(header: Row, row: Row) -> str:
    """One row as text, without empty cells; columns without a name are numbered from 1.

    Line breaks in a cell stay, indented, so that the row keeps the lines of the file.
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


def table_text(rows: Sequence[Row], header: Row | None = None, *, named: int = 0) -> str:
    """A table as text, one line a row; without `header` it is looked for in the first rows.

    Args:
        rows: The table.
        header: The names of the columns, if they are known.
        named: The number of first rows that are marked as a header.
    """
    if header is None and named and named < len(rows):
        header, rows = join_names(rows[:named]), rows[named:]
    if header is not None:
        return table_lines(header, rows)
    if is_labelled(rows):
        return "\n".join(text for text in map(labelled_text, rows) if text)
    begin, end = find_header(rows)
    above = [title_text(row) for row in rows[:begin]]
    table = table_lines(join_names(rows[begin:end]), rows[end:])
    return "\n".join(text for text in [*above, table] if text)


def labelled_text(row: Row) -> str:
    """A row of a table whose rows have labels; a cell across the row is said once."""
    return form_text(row) if len(set(row)) > 1 else title_text(row)


def title_text(row: Row) -> str:
    """A row above a table: a title, or a label and its value."""
    cells = list(dict.fromkeys(" ".join(cell.split()) for cell in row if cell.strip()))
    return form_text(cells) if len(cells) == 2 else "; ".join(cells)


def _has_labels(rows: Sequence[Row]) -> bool:
    """Whether a table of two columns without a header has a distinct label before every value."""
    labels = [row[0].strip() if row else "" for row in rows]
    return (
        max(map(len, rows), default=0) == 2
        and len(set(labels)) == len(labels)
        and all(label and not _FIGURE.match(label) for label in labels)
        and all(len(label) <= _LONGEST_LABEL for label in labels)
    )


def _across(header: Row, row: Row) -> str:
    """The text of a row; a cell across the whole table belongs to no column."""
    spans = (
        len(row) > 1
        and len(row) == len(header)
        and len(set(row)) == 1
        and " " in row[0].strip()
        and not _BEGINS_WITH_FIGURE.match(row[0])
    )
    return row[0] if spans else row_text(header, row)


def table_lines(header: Row, rows: Sequence[Row]) -> str:
    """A table as text, one line a row; a single column needs no name."""
    if not any(header) and max(map(len, rows), default=0) == 1:
        texts = [" ".join("".join(row).split()) for row in rows]
    else:
        texts = [" ".join(_across(header, row).split()) for row in rows]
    return "\n".join(text for text in texts if text)
