"""Workbooks (.xlsx, .xls): every visible sheet as tables whose rows name their columns.

Hidden sheets, rows and columns and struck-out values are left out. Rows that a filter or an outline
hides are read.
"""

import datetime
import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.archive import check_archive
from ingest.readers.document import Kind, Parsed, Section
from ingest.readers.number_formats import shown
from ingest.readers.office import CHART, left_out, link_text
from ingest.readers.rows import (
    Label,
    find_header,
    is_form,
    is_labelled,
    join_names,
    labelled_text,
    names_figures,
    table_lines,
    title_text,
)
from ingest.readers.sheet_details import Area, Details, sheet_details

_MAX_CELLS = 5_000_000
_MOST_NAMES = 5  # of hidden sheets in a note
_WIDEST = 256  # columns that a merged area is repeated in


def read_xlsx(data: bytes, name: str) -> Parsed:
    """A sheet is a heading; its values are those last calculated, else the formulas."""
    import openpyxl

    check_archive(data, "an Excel workbook")
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    sections: list[Section] = []
    hidden: list[str] = []
    counts = Counter({CHART: len(book.chartsheets)})
    budget = _Budget()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for sheet in book.worksheets:
            if sheet.sheet_state == "visible":
                # The stored dimensions of a sheet are often wrong.
                sheet.reset_dimensions()
                details = sheet_details(archive, sheet._worksheet_path)
                rows = ([_cell(cell) for cell in row] for row in sheet.iter_rows())
                grid = _Grid(details)
                sections += _sheet(sheet.title, budget.spend(grid.shown(rows)), details)
                counts += details.left_out + grid.hidden
            else:
                hidden.append(sheet.title)
        macros = "macros" if "xl/vbaProject.bin" in archive.namelist() else ""
    return Parsed(name, sections, left_out(counts, _named("hidden sheet", hidden), macros))


def _named(what: str, names: list[str]) -> str:
    """`hidden sheets A, B and 3 more`; nothing if there are none."""
    more = len(names) - _MOST_NAMES
    listed = ", ".join(names[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
    return f"{what}{'' if len(names) == 1 else 's'} {listed}" if names else ""


def read_xls(data: bytes, name: str) -> Parsed:
    """The same for the older format."""
    import xlrd

    try:
        book = xlrd.open_workbook(
            file_contents=data, logfile=io.StringIO(), on_demand=True, formatting_info=True
        )
    except xlrd.XLRDError as error:
        if "encrypted" in str(error).lower():
            raise ReadError("protected with a password") from None
        raise
    sections: list[Section] = []
    hidden: list[str] = []
    counts: Counter[str] = Counter()
    budget = _Budget()
    for number in range(book.nsheets):
        sheet = book.sheet_by_index(number)
        if sheet.visibility == 0:
            details = _old_details(sheet)
            rows = (
                [_old_cell(cell, book) for cell in sheet.row(index)] for index in range(sheet.nrows)
            )
            grid = _Grid(details)
            sections += _sheet(sheet.name, budget.spend(grid.shown(rows)), details)
            counts += grid.hidden
        else:
            hidden.append(sheet.name)
        book.unload_sheet(number)
    return Parsed(name, sections, left_out(counts, _named("hidden sheet", hidden)))


class _Budget:
    """The number of cells that a workbook may have: a few bytes can declare millions."""

    def __init__(self) -> None:
        self._left = _MAX_CELLS

    def spend(self, rows: Iterable[list[str]]) -> Iterator[list[str]]:
        """The rows; counts their cells."""
        for row in rows:
            self._left -= len(row) + 1
            if self._left < 0:
                raise ReadError(f"more than {_MAX_CELLS:,} cells")
            yield row


class _Grid:
    """Turns the stored cells of a sheet into the visible ones.

    `hidden` counts the hidden rows and columns that are not empty.
    """

    def __init__(self, details: Details) -> None:
        self.hidden: Counter[str] = Counter()
        self._details = details
        self._coming = sorted(details.merged, reverse=True)
        self._open: list[tuple[Area, str]] = []

    def shown(self, rows: Iterable[list[str]]) -> Iterator[list[str]]:
        """The rows with merged cells filled in, without those that are hidden."""
        columns: set[int] = set()
        for number, row in enumerate(rows, start=1):
            self._explain(number, row)
            self._fill(number, row)
            if number in self._details.hidden_rows:
                self.hidden["hidden row"] += any(cell.strip() for cell in row)
                continue
            for first, last in self._details.hidden_columns:
                concealed = row[first - 1 : last]
                columns |= {first + at for at, cell in enumerate(concealed) if cell.strip()}
                row[first - 1 : last] = [""] * len(concealed)
            yield row
        self.hidden["hidden column"] = len(columns)

    def _explain(self, number: int, row: list[str]) -> None:
        """Add formulas in place of missing values, and the addresses of links."""
        if not (self._details.formulas or self._details.links):
            return
        for column, text in enumerate(row, start=1):
            text = text or self._details.formulas.get((number, column), "")
            target = self._details.links.get((number, column), "")
            if text != row[column - 1] or target:
                row[column - 1] = link_text(text, target)

    def _fill(self, number: int, row: list[str]) -> None:
        """Repeat the value of a merged area in this row, if the row has other values."""
        while self._coming and self._coming[-1][0] <= number:
            area = self._coming.pop()
            self._open.append((area, row[area[1] - 1] if area[1] <= len(row) else ""))
        if self._open:
            self._open = [(area, text) for area, text in self._open if area[2] >= number]
            if any(cell.strip() for cell in row):
                for (_, first, _, last), text in self._open:
                    last = min(last, first + _WIDEST)
                    row += [""] * (last - len(row))
                    row[first - 1 : last] = [text] * (last - first + 1)


def _sheet(name: str, rows: Iterable[list[str]], details: Details) -> Iterator[Section]:
    """The sections of one sheet; empty rows divide it into tables."""
    header: Sequence[str] = ()
    for table in _tables(rows):
        parts, header = _parts(table, header)
        for text, kind in parts:
            text = normalise(text).strip("\n")
            if text.strip():
                yield Section((name,), text, kind)
    notes = [f"Comment at {_reference(cell)}: {text}" for cell, text in details.comments.items()]
    for text in ("\n".join(details.texts), "\n".join(notes)):
        if text := normalise(text):
            yield Section((name,), text)


def _tables(rows: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    """The rows between empty ones."""
    table: list[list[str]] = []
    for row in rows:
        while row and not row[-1].strip():
            row.pop()
        if row:
            table.append(row)
        elif table:
            yield table
            table = []
    if table:
        yield table


def _parts(
    rows: list[list[str]], header: Sequence[str]
) -> tuple[list[tuple[str, Kind]], Sequence[str]]:
    """Text and kind of the part above a table and of the table, and its header.

    A table without a header, below one with as many columns, has that one's.
    """
    rows = _without_margin(rows)
    if is_form(rows) or (len(header) != 2 and is_labelled(rows)):
        return [("\n".join(map(labelled_text, rows)), "table")], header
    begin, end = find_header(rows)
    above = "\n".join(title_text(row) for row in rows[:begin])
    table = _without_margin(rows[begin:])
    names, values = table[: end - begin], table[end - begin :]
    width = max(map(len, table), default=0)
    if names and (len(names) > 1 or width != len(header) or names_figures(names[0], values)):
        header = join_names(names)
    else:
        values = table
        header = header if width <= len(header) else ()
    return [(above, "prose"), (table_lines(header, values), "table")], header


def _without_margin(rows: list[list[str]]) -> list[list[str]]:
    """The rows without empty columns on the left."""
    firsts = (next((i for i, cell in enumerate(row) if cell.strip()), len(row)) for row in rows)
    margin = min(firsts, default=0)
    return [row[margin:] for row in rows]


def _reference(cell: tuple[int, int]) -> str:
    """The name of a cell, such as `B2`."""
    from openpyxl.utils import get_column_letter

    return f"{get_column_letter(cell[1])}{cell[0]}"


def _cell(cell: Any) -> str:
    """The text of a cell of an .xlsx sheet as it is shown; dates are in ISO 8601."""
    value = cell.value
    if value is None:
        return ""
    font = cell.font
    if font is not None and font.strike:
        return ""
    text = _text(value, cell.number_format or "General")
    return Label(text) if font is not None and font.bold else text


def _old_cell(cell: Any, book: Any) -> str:
    """The text of a cell of an .xls sheet."""
    import xlrd

    format_, font = "General", None
    if cell.xf_index is not None and cell.xf_index < len(book.xf_list):
        style = book.xf_list[cell.xf_index]
        font = book.font_list[style.font_index]
        if style.format_key in book.format_map:
            format_ = book.format_map[style.format_key].format_str
    if font is not None and font.struck_out:
        return ""
    value: Any = cell.value
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            value = xlrd.xldate_as_datetime(value, book.datemode)
        except (ValueError, OverflowError, xlrd.xldate.XLDateError):
            format_ = "General"
    elif cell.ctype == xlrd.XL_CELL_BOOLEAN:
        value = bool(value)
    elif cell.ctype == xlrd.XL_CELL_ERROR:
        value = str(xlrd.error_text_from_code.get(value, "#ERROR"))
    text = _text(value, format_)
    return Label(text) if font is not None and font.bold else text


def _old_details(sheet: Any) -> Details:
    """The details of an .xls sheet; its ranges are half open, from 0."""
    return Details(
        merged=[(top + 1, left + 1, end, right) for top, end, left, right in sheet.merged_cells],
        hidden_rows={
            row + 1
            for row, info in sheet.rowinfo_map.items()
            if info.hidden and not info.outline_level
        },
        hidden_columns=[
            (column + 1, column + 1)
            for column, info in sheet.colinfo_map.items()
            if info.hidden and not info.outline_level
        ],
        links={
            (row + 1, column + 1): str(link.url_or_path)
            for (row, column), link in sheet.hyperlink_map.items()
            if link.url_or_path
        },
        comments={
            (row + 1, column + 1): " ".join(note.text.split())
            for (row, column), note in sheet.cell_note_map.items()
        },
    )


def _text(value: Any, format_: str) -> str:
    """Any value as text; a date without a time of day has none, a time without seconds too."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return shown(value, format_)
    precision = "seconds" if "s" in format_.lower() else "minutes"
    if isinstance(value, datetime.datetime):
        if value.time() == datetime.time():
            return str(value.date())
        return value.isoformat(" ", "seconds" if value.second else precision)
    if isinstance(value, datetime.time):
        return value.isoformat("seconds" if value.second else precision)
    if isinstance(value, datetime.timedelta):
        seconds = round(value.total_seconds())
        hours, rest = divmod(abs(seconds), 3600)
        text = f"{'-' if seconds < 0 else ''}{hours}:{rest // 60:02}"
        return f"{text}:{rest % 60:02}" if rest % 60 or precision == "seconds" else text
    return str(value)
