"""Table lookup: the value in the row and the field that a question names.

A small language model reads sentences but confuses the rows of a table. If a question names one row
and one column, no model is needed. Knows no model and no ranking.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ragcl.text.recipe import TEXT
from ragcl.text.scripts import as_ascii
from ragcl.text.sentences import split_sentences
from ragcl.text.superlatives import NEWEST, OLDEST
from ragcl.text.tokens import tokens
from ragcl.text.words import HUMP, content_words, parts, stems

_FIELD = re.compile(r"([^\W\d][\w .()/-]{0,39}): (\S.*)")
_RULE = re.compile(r":?-+:?")  # below the header of a table in Markdown
_VALUE_WORDS = frozenset("date day year month time when until number version value".split())
_VERSION_NAMES = stems("version versi\u00f3n release cycle")
_YEAR_NAMES = stems("year built date jahr baujahr ann\u00e9e a\u00f1o")
_NUMBERED = re.compile(r"(?!\d\d?[.-]\d\d?[.-]\d{4}$)\D{0,2}\d+(?:[.-]\d+)*")
_DATE = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?")
_SOME_DATE = re.compile(r"\d\d?([./-])\d\d?\1\d{4}")  # day or month first, nobody knows
_TIME = re.compile(r"(?:\d{4}|-)-\d\d(?:-\d\d)?|\d\d:\d\d(?::\d\d)?")  # as tokens have it
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2013\u2212", "-"))
_EMPHASIS = re.compile(r"(?<!\w)(\*+)([^*]+)\1(?![\w*])")  # of Markdown
# A word or a number that is another one without its symbol: "C++", "A-", ".net", "-5", "> 10".
_WITH_SYMBOL = re.compile(
    r"(?<![\w.])(?:\.[^\W\d_]+|(?:\d+(?:[.,]\d+)*|[^\W_]+)[-+#\u266d\u266f]+|[^\W_]{1,2}\*+)"
    r"(?![-\w+#*])"
    r"|(?<![\w.)+-])(?:[-+]|[<>\u2264\u2265]=? ?)\d+(?:[.,]\d+)*"
)

_Order = dict[int, tuple[int, ...]]  # the sort keys of rows


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


@dataclass(frozen=True)
class Found:
    """The index of the row that a question asks for, and the value there."""

    row: int
    value: str


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


def look_up(question: str, rows: Sequence[Row | None]) -> Found | None:
    """The value that a question asks for; None unless it names one row and one of its fields.

    A row is named by its key, or as the newest or oldest of its table. At most
    `TEXT.unexplained` of the question's words may be in no key, field or heading, and none if it
    has no word of the heading: it may be about something else.
    """
    tables: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, one in enumerate(rows):
        if one:
            tables[one.kind].append(number)
    found: list[tuple[int, int, Found]] = []
    for numbers in tables.values():
        if len(numbers) < TEXT.record_rows:
            continue
        table = {number: some for number in numbers if (some := rows[number])}
        chosen, said, column = _named_row(question, table)
        if chosen is None:
            continue
        one = table[chosen]
        found_here = _named_field(question, one, said, column) if column else None
        found_here = found_here or _named_field(question, one, said)
        if found_here:
            name, unexplained, value = found_here
            found.append((name, -unexplained, Found(chosen, value)))
    if not found:
        return None
    best = max(found, key=lambda one: one[:2])
    rivals = [one for one in found if one[:2] == best[:2]]
    return best[2] if len(rivals) == 1 else None


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


def may_want_more(question: str) -> bool:
    """Whether `wants_more` may be true, judged without rows."""
    words = parts(question)
    return _asks_for_an_end(words) or bool(_numbers(words))


def wants_more(question: str, rows: Sequence[Row]) -> bool:
    """Whether a question may be about a row of the same table that is not among these.

    It may if it asks for the newest or oldest, which needs all rows, or has a number that is in no
    key.
    """
    words = parts(question)
    keys = {part for one in rows for part in parts(one.key)}
    return bool(rows) and (_asks_for_an_end(words) or not _numbers(words) <= keys)


def _asks_for_an_end(words: Sequence[str]) -> bool:
    return not (NEWEST | OLDEST).isdisjoint(words)


def _numbers(words: Sequence[str]) -> set[str]:
    return {word for word in words if word[0].isdigit()}


def holds_words(words: Sequence[str], some: Sequence[str]) -> bool:
    """Whether a text has these words, one after the other; false for no word."""
    return bool(some) and any(
        list(words[i : i + len(some)]) == list(some) for i in range(len(words))
    )


def is_named(question: str, value: str) -> bool:
    """Whether a question has the words of a value with the same symbols: "C#" does not name "C"."""
    words, symbols = _said(question)
    some = parts(value)
    return holds_words(words, some) and with_symbols(value) == {
        one for one in symbols if set(parts(one)) <= set(some)
    }


@lru_cache(maxsize=64)
def _said(question: str) -> tuple[list[str], set[str]]:
    return parts(question), with_symbols(question)


def with_symbols(text: str) -> set[str]:
    """The words and numbers of a text that have a symbol, as "c++" and "-5", in lower case."""
    plain = HUMP.sub(" ", _EMPHASIS.sub(r"\2", as_ascii(text).translate(_DASHES))).lower()
    return {one[0].replace(" ", "") for one in _WITH_SYMBOL.finditer(plain)}


def of(text: str, heading: str) -> list[Row]:
    """The rows that a passage holds."""
    sentences = split_sentences(text)
    places = headers(sentences)
    found = [
        row(one, heading, None if place is None else sentences[place])
        for one, place in zip(sentences, places, strict=True)
    ]
    return [one for one in found if one]


def _named_row(question: str, table: Mapping[int, Row]) -> tuple[int | None, set[str], str]:
    """The index of the row that the question names, by key or as last or first, and those words.

    The third is the name of the column by which the question orders the rows, if it says one.
    """
    longest = 0
    named: list[int] = []
    for number, one in table.items():
        key = parts(one.key)
        if len(key) >= longest and is_named(question, one.key):
            named = [*(named if len(key) == longest else ()), number]
            longest = len(key)
    if named:
        said = set(parts(table[named[0]].key))
        return (named[0] if len(named) == 1 else None), said, ""
    words = parts(question)
    newest, oldest = NEWEST.intersection(words), OLDEST.intersection(words)
    said = set(newest | oldest)
    if not said or (newest and oldest):
        return None, said, ""
    columns = _times(table)
    column = next((name for name in columns if _orders(words, said, name)), "")
    if column:
        said.update(parts(_last(column)))
        columns = {column: columns[column]}
    return _end(table, columns, newest=bool(newest), by_key=not column), said, column


def _orders(words: Sequence[str], superlatives: set[str], name: str) -> bool:
    """Whether a question orders by a column: "oldest service date", "serviced first", "by age"."""
    column = stems(_last(name))
    size = len(parts(_last(name)))
    behind = [i + 1 for i, word in enumerate(words) if word in superlatives | {"by"}]
    before = [i - size for i, word in enumerate(words) if word in superlatives and i >= size]
    return any(stems(" ".join(words[i : i + size])) == column for i in behind + before)


def _end(
    table: Mapping[int, Row], columns: Mapping[str, _Order], *, newest: bool, by_key: bool
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


def _last_or_first(table: Mapping[int, Row], order: _Order, *, newest: bool) -> int | None:
    """The row at the end of an order; None if it lacks a row of the table, or two are there."""
    if len(order) < len(table):
        return None
    best = (max if newest else min)(order.values())
    ends = [number for number, place in order.items() if place == best]
    return ends[0] if len(ends) == 1 else None


def _are_versions(table: Mapping[int, Row], name: str) -> bool:
    keys = [one.key for one in table.values()]
    return bool(stems(_last(name)) & _VERSION_NAMES) or any(
        re.match(r"[vV]\d|\D{0,2}\d+\.\d", key) for key in keys
    )


def _times(table: Mapping[int, Row]) -> dict[str, _Order]:
    """The columns of dates or years, each with the times of the rows that have one.

    A column has none if its times are not alike, or if they are years and its name does not say so.
    """
    columns: dict[str, dict[int, str]] = defaultdict(dict)
    for number, one in table.items():
        for name, value in one.fields:
            columns[name][number] = value
    first = next(iter(table.values())).fields[0][0]
    found: dict[str, _Order] = {}
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
    return bool(stems(_last(name)) & _YEAR_NAMES)


def _time(value: str) -> tuple[int, ...] | None:
    """Year, month and day, as far as they are given, of a cell that is a date or a year."""
    found = tokens(value)
    date = _DATE.fullmatch(found[0].key) if len(found) == 1 else None
    if date:
        return tuple(int(one) for one in date.groups() if one)
    return (int(value),) if _YEAR.fullmatch(value) else None


def _tells_time(value: str) -> bool:
    return bool(_YEAR.search(value)) or any(_TIME.fullmatch(one.key) for one in tokens(value))


def _last(name: str) -> str:
    """The name of a field without those of what it is in: "cycle" of "releases.cycle"."""
    return name.rsplit(".", 1)[-1]


def _named_field(
    question: str, one: Row, said: set[str], column: str = ""
) -> tuple[int, int, str] | None:
    """The value of the field that the question names best, other than a column that orders rows.

    Returns:
        The number of the heading's words in the question, the number of unexplained words of the
        question, and the value; None if no field is named, or several equally well.
    """
    words = parts(question)
    wanted = stems(" ".join(content_words(question)))
    naming = wanted - stems(" ".join(said)) if column else wanted
    heading = stems(one.heading) & wanted
    by_key = bool(set(parts(one.key)) <= said)
    scores: list[tuple[float, int, bool, str]] = []
    explained: dict[str, set[str]] = {}
    in_full: list[set[str]] = []
    for place, (name, _) in enumerate(one.fields):
        if (place == 0 and by_key) or (column and name == column):
            continue
        own = stems(_last(name))
        held = own & naming
        initials = _spelt(_last(name), words, said)
        explained[name] = held | stems(" ".join(initials))
        share = 1.0 if initials else len(held) / max(1, len(own))
        if share == 1.0 and not initials:
            in_full.append(held)
        scores.append((share, len(explained[name] & wanted), not initials, name))
    if not scores:
        return None
    best = max(scores, key=lambda some: some[:3])
    if best[0] < TEXT.named or len([some for some in scores if some[:3] == best[:3]]) > 1:
        return None
    if not best[2] and any(some <= explained[best[3]] for some in in_full):
        return None  # its initials may be there by chance
    known = heading | explained[best[3]] | stems(" ".join(said)) | stems(" ".join(_VALUE_WORDS))
    left = len(wanted - known)
    if left > TEXT.unexplained * len(wanted) or (left and not heading):
        return None
    return len(heading), left, dict(one.fields)[best[3]]


def _spelt(name: str, words: Sequence[str], said: set[str]) -> Sequence[str]:
    """Consecutive words whose initials are a short field name; empty if there are none.

    They begin and end with words that are no function words, and hold none that name the row.
    """
    letters = name.lower()
    if not (TEXT.acronym[0] <= len(letters) <= TEXT.acronym[1] and letters.isalpha()):
        return ()
    for start in range(len(words) - len(letters) + 1):
        some = words[start : start + len(letters)]
        if (
            "".join(word[0] for word in some) == letters
            and said.isdisjoint(some)
            and content_words(some[0])
            and content_words(some[-1])
        ):
            return some
    return ()
