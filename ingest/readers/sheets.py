"""Workbooks (.xlsx, .xls): every visible sheet as tables whose rows name their columns."""

import datetime
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.archive import check_archive
from ingest.readers.document import Section
from ingest.readers.rows import is_header, row_text

_MAX_CELLS = 5_000_000


def read_xlsx(data: bytes, name: str) -> tuple[str, list[Section]]:
    """A sheet is a heading; the values are those that were last calculated."""
    import openpyxl

    check_archive(data, "an Excel workbook")
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    sections: list[Section] = []
    budget = _Budget()
    for sheet in book.worksheets:
        if sheet.sheet_state == "visible":
            # What a sheet says of its own size is often wrong.
            sheet.reset_dimensions()
            rows = ([_cell(cell) for cell in row] for row in sheet.iter_rows())
            sections += _sheet(sheet.title, budget.spend(rows))
    return name, sections


def read_xls(data: bytes, name: str) -> tuple[str, list[Section]]:
    """The same for the older format."""
    import xlrd

    try:
        book = xlrd.open_workbook(file_contents=data, logfile=io.StringIO(), on_demand=True)
    except xlrd.XLRDError as error:
        if "encrypted" in str(error).lower():
            raise ReadError("protected with a password") from None
        raise
    sections: list[Section] = []
    budget = _Budget()
    for number in range(book.nsheets):
        sheet = book.sheet_by_index(number)
        if sheet.visibility == 0:
            rows = (
                [_old_cell(cell, book.datemode) for cell in sheet.row(index)]
                for index in range(sheet.nrows)
            )
            sections += _sheet(sheet.name, budget.spend(rows))
        book.unload_sheet(number)
    return name, sections


class _Budget:
    """How many cells a workbook may still have: a few bytes can claim millions of empty ones."""

    def __init__(self) -> None:
        self._left = _MAX_CELLS

    def spend(self, rows: Iterable[list[str]]) -> Iterator[list[str]]:
        """The rows, counted while they pass."""
        for row in rows:
            self._left -= len(row) + 1
            if self._left < 0:
                raise ReadError(f"more than {_MAX_CELLS:,} cells")
            yield row


def _sheet(name: str, rows: Iterable[list[str]]) -> Iterator[Section]:
    """The sections of one sheet; empty rows divide it into tables.

    A table without a header of its own, below one with as many columns, goes on under that one's.
    """
    header: Sequence[str] = ()
    for filled in _tables(rows):
        notes, table = _divide(filled)
        if len(table) > 1 and is_header(table[0]):
            header, table = table[0], table[1:]
        elif max(map(len, table), default=0) > len(header):
            header = ()
        lines = (" ".join(row_text(header, row).split()) for row in table)
        for text, kind in (("\n".join(notes), "prose"), ("\n".join(lines), "table")):
            text = normalise(text).strip("\n")
            if text.strip():
                yield Section((name,), text, kind)  # type: ignore[arg-type]


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


def _divide(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """The lines of a single cell above a table, and the table."""
    width = max(map(len, rows))
    above = 0
    while above < len(rows) and width > 1 and sum(bool(cell.strip()) for cell in rows[above]) == 1:
        above += 1
    notes = [" ".join(" ".join(row).split()) for row in rows[:above]]
    table = rows[above:]
    # Columns that are empty all the way down the left only indent the table.
    margin = min(
        (next(i for i, cell in enumerate(row) if cell.strip()) for row in table), default=0
    )
    return notes, [row[margin:] for row in table]


def _cell(cell: Any) -> str:
    """The text of a cell of an .xlsx sheet, much as it is shown."""
    value = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        if "%" in (getattr(cell, "number_format", "") or ""):
            return f"{value * 100:.12g}%"
        return _number(value)
    return _text(value)


def _old_cell(cell: Any, datemode: int) -> str:
    """The text of a cell of an .xls sheet."""
    import xlrd

    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return _text(xlrd.xldate_as_datetime(cell.value, datemode))
        except (ValueError, OverflowError, xlrd.xldate.XLDateError):
            return _number(cell.value)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return _text(bool(cell.value))
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(cell.value, "#ERROR"))
    return _number(cell.value) if cell.ctype == xlrd.XL_CELL_NUMBER else str(cell.value)


def _number(value: float) -> str:
    """A number with the fifteen digits that Excel keeps."""
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _text(value: Any) -> str:
    """Any other value: a date without a time of day is a date."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return str(value.date()) if midnight else value.isoformat(" ", "seconds")
    return str(value)
