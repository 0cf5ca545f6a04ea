"""The newest and the oldest row of a table, by its columns of dates and its versions.

Of a question it knows the superlatives alone.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from ragcl.text.rows import Row, last_part
from ragcl.text.tokens import tokens
from ragcl.text.words import parts, stems

_VERSION_NAMES = stems("version versi\u00f3n release cycle")
_YEAR_NAMES = stems("year built date jahr baujahr ann\u00e9e a\u00f1o")
_NUMBERED = re.compile(r"(?!\d\d?[.-]\d\d?[.-]\d{4}$)\D{0,2}\d+(?:[.-]\d+)*")
_DATE = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?")
_SOME_DATE = re.compile(r"\d\d?([./-])\d\d?\1\d{4}")  # day or month first, nobody knows
_TIME = re.compile(r"(?:\d{4}|-)-\d\d(?:-\d\d)?|\d\d:\d\d(?::\d\d)?")  # as tokens have it
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")

Order = dict[int, tuple[int, ...]]  # the sort keys of rows


def orders(words: Sequence[str], superlatives: set[str], name: str) -> bool:
    """Whether a question orders by a column: "oldest service date", "serviced first", "by age"."""
    column = stems(last_part(name))
    size = len(parts(last_part(name)))
    behind = [i + 1 for i, word in enumerate(words) if word in superlatives | {"by"}]
    before = [i - size for i, word in enumerate(words) if word in superlatives and i >= size]
    return any(stems(" ".join(words[i : i + size])) == column for i in behind + before)


def end(
    table: Mapping[int, Row], columns: Mapping[str, Order], *, newest: bool, by_key: bool
) -> int | None:
    """The newest or oldest row: the one on which all columns of dates agree.

    The numbers of the keys count if they are versions and agree with one of the columns, if any
    is complete; or if nothing in the table tells a time.
    """
    dated = {_last_or_first(table, order, newest=newest) for order in columns.values()}
    keys = {
        number: tuple(map(int, re.findall(r"\d+", one.key)))
        for number, one in table.items()
        if _NUMBERED.fullmatch(one.key)
    }
    numbered = _last_or_first(table, keys, newest=newest)
    name = next(iter(table.values())).fields[0][0]
    if by_key and name not in columns and len(keys) == len(table):
        if _are_versions(table, name):
            return numbered if dated <= {None} or numbered in dated else None
        cells = [value for one in table.values() for _, value in one.fields[1:]]
        if not columns and not any(map(_tells_time, cells)):
            return numbered
    return dated.pop() if len(dated) == 1 else None


def _last_or_first(table: Mapping[int, Row], order: Order, *, newest: bool) -> int | None:
    """The row at the end of an order; None if it lacks a row of the table, or two are there."""
    if len(order) < len(table):
        return None
    best = (max if newest else min)(order.values())
    ends = [number for number, place in order.items() if place == best]
    return ends[0] if len(ends) == 1 else None


def _are_versions(table: Mapping[int, Row], name: str) -> bool:
    keys = [one.key for one in table.values()]
    return bool(stems(last_part(name)) & _VERSION_NAMES) or any(
        re.match(r"[vV]\d|\D{0,2}\d+\.\d", key) for key in keys
    )


def times(table: Mapping[int, Row]) -> dict[str, Order]:
    """The columns of dates or years, each with the times of the rows that have one.

    A column has none if its times are not alike, or if they are years and its name does not say so.
    """
    columns: dict[str, dict[int, str]] = defaultdict(dict)
    for number, one in table.items():
        for name, value in one.fields:
            columns[name][number] = value
    first = next(iter(table.values())).fields[0][0]
    found: dict[str, Order] = {}
    for name, cells in columns.items():
        times = {number: time for number, cell in cells.items() if (time := _time(cell))}
        precisions = {len(time) for time in times.values()}
        numbers = [cell for cell in cells.values() if any(map(str.isdigit, cell))]
        if precisions == {1}:
            if len(times) == len(numbers) and (_of_years(name) or name != first):
                found[name] = times if _of_years(name) else {}
        elif precisions or any(map(_SOME_DATE.fullmatch, numbers)):
            found[name] = times if len(precisions) == 1 else {}
    return found


def _of_years(name: str) -> bool:
    return bool(stems(last_part(name)) & _YEAR_NAMES)


def _time(value: str) -> tuple[int, ...] | None:
    """Year, month and day, as far as they are given, of a cell that is a date or a year."""
    found = tokens(value)
    date = _DATE.fullmatch(found[0].key) if len(found) == 1 else None
    if date:
        return tuple(int(one) for one in date.groups() if one)
    return (int(value),) if _YEAR.fullmatch(value) else None


def _tells_time(value: str) -> bool:
    return bool(_YEAR.search(value)) or any(_TIME.fullmatch(one.key) for one in tokens(value))
