"""The row of a table with the most or the least of something, as the hive with the most honey.

A small language model reads the figures of a table, but does not compare them. Where the question
names a column of figures, no model is needed; where it compares rows in another way, no phrase that
a model picks is worth anything. Knows no model and no ranking.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragcl.text.recipe import TEXT
from ragcl.text.records import Found, is_named, with_symbols
from ragcl.text.rows import Row
from ragcl.text.scripts import as_ascii
from ragcl.text.superlatives import LEAST, MEASURES, MOST, NEWEST, OLDEST
from ragcl.text.tokens import tokens
from ragcl.text.units import CURRENCIES
from ragcl.text.words import content_words, parts, stems

_NOTHING = frozenset(("", "-", "\u2013", "\u2014", "?", "n/a", "na", "none", "unknown"))
_THOUSANDS = re.compile(r"[1-9]\d{0,2}\.\d{3}")  # or thousandths
_ORDINAL = re.compile(r"second|third|fourth|fifth|\d+(?:nd|rd|th)|next|two|three|four|five|\d")
_NAMING = frozenset({"which", "who", "whose", "where"})
_ADJECTIVES = stems(" ".join(MEASURES))
_PLAIN = str.maketrans("\u2010\u2011\u2212\u2018\u2019\u201c\u201d", "---''\"\"")
_FEET = re.compile(r"(?<=\d) ?'(?!\d{3}|')")  # or minutes; in "5'000" it is no unit
_INCHES = re.compile(r"(?<=\d) ?(?:\"|'')")
_MONEY = rf"(?:{'|'.join(map(re.escape, CURRENCIES))}|%)?"
_BRACKETED = re.compile(
    rf"({_MONEY}) ?\( ?({_MONEY} ?[\d.,' ]*\d ?{_MONEY}) ?\) ?({_MONEY})"  # as accounts have it
)
_MINUS_BEFORE = re.compile(rf"({_MONEY}) ?[-\u2013] ?(?={_MONEY} ?\.?\d)")
_MINUS_BEHIND = re.compile(rf"([^-]*\d)-( ?{_MONEY})")
_UNCLEAR = re.compile(r"\D*\(|.*(?:\d- |(?<![,.])[-\u2013]$)")


@dataclass(frozen=True)
class Comparison:
    """What a question about the most or the least compares: the indices of `rows` of a table.

    `found` is the answer; None: it compares them in a way that is not understood.
    """

    rows: tuple[int, ...]
    found: Found | None = None


@dataclass(frozen=True)
class _Asked:
    """A question for the most or the least.

    `text` is all of it, `place` that of the superlative among its `words`, `measures` the stems of
    what a column of its figures may be called, `wanted` those of the question.
    """

    text: str
    words: list[str]
    place: int
    most: bool
    measures: set[str]
    wanted: set[str]

    @property
    def numbers(self) -> set[str]:
        return {word for word in self.words if word[0].isdigit()}


def compares(question: str) -> bool:
    """Whether a question asks for the most or the least of something."""
    return _asked(question) is not None


def compare(question: str, rows: Sequence[Row | None]) -> Comparison | None:
    """The row with the most or the least of what the question names, and the value asked for.

    None if the question does not ask for that, or names no column of figures of a table.
    """
    asked = _asked(question)
    if asked is None:
        return None
    tables: dict[tuple[str, str], dict[int, Row]] = defaultdict(dict)
    for number, one in enumerate(rows):
        if one:
            tables[one.kind][number] = one
    compared = [
        (table, columns)
        for table in tables.values()
        if len(table) >= TEXT.record_rows and (columns := _columns(asked, table))
    ]
    if not compared:
        return None
    found = None
    if len(compared) == 1:
        table, columns = compared[0]
        found = _found(asked, table, columns)
    return Comparison(tuple(number for table, _ in compared for number in table), found)


def _asked(question: str) -> _Asked | None:
    words = parts(question)
    if not (NEWEST | OLDEST).isdisjoint(words):
        return None
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        following = words[place + 1] if place + 1 < len(words) else ""
        if word in MOST | LEAST and before != "at" and following != "of":
            most = word in MOST
            _, names = MEASURES.get(following, (True, ""))
        elif word in MEASURES and word != "expensive":
            most, names = MEASURES[word]
        else:
            continue
        wanted = stems(" ".join(content_words(question)))
        return _Asked(question, words, place, most, stems(names), wanted)
    return None


def _columns(asked: _Asked, table: Mapping[int, Row]) -> dict[str, dict[int, float]]:
    """The columns of figures that a question may mean, each with its figures by row."""
    cells: dict[str, dict[int, str]] = defaultdict(dict)
    for number, one in table.items():
        for name, value in one.fields[1:]:
            cells[name][number] = value
    named = {name for name in cells if _meant(asked, name)}
    found = {name: _figures(cells[name]) for name in named}
    return {name: figures for name, figures in found.items() if figures is not None}


def _meant(asked: _Asked, name: str) -> set[str]:
    """The words of a column's name that the question has, if one of them is no number."""
    names = stems(name.rsplit(".", 1)[-1])
    held = names & (asked.wanted | asked.measures)
    return held if any(not word[0].isdigit() for word in held) else set()


def _figures(cells: Mapping[int, str]) -> dict[int, float] | None:
    """The figures of a column; empty if they are not alike, None if it holds something else."""
    figures: dict[int, float] = {}
    units = set()
    alike = True
    for number, cell in cells.items():
        if cell.strip().lower() in _NOTHING:
            continue
        written = _written(cell)
        found = tokens(cell if written is None else written)
        if [one.kind for one in found] == ["value", "unit"] * 2:  # feet and inches
            found, written = found[:2], None
        if not 0 < len(found) < 3 or found[0].kind != "value":
            return None
        try:
            figures[number] = float(found[0].key)
        except ValueError:
            return None
        sure = written is not None and not _THOUSANDS.fullmatch(found[0].key.lstrip("+-"))
        alike = alike and sure
        units.add(tuple(one.key for one in found[1:]))
    if not units:
        return None
    return figures if alike and len(units) == 1 else {}


def _written(cell: str) -> str | None:
    """A cell with the sign right before its figure; None if it is unclear what the sign is.

    An amount in brackets or with a minus behind it is negative. The marks of feet and inches, or of
    minutes and seconds, are units.
    """
    text = " ".join(as_ascii(cell).translate(_PLAIN).split())
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    text = _FEET.sub("\u2032", _INCHES.sub("\u2033", text))
    if one := _BRACKETED.fullmatch(text):
        return f"-{' '.join(filter(None, one.groups()))}"
    if one := _MINUS_BEHIND.fullmatch(text):
        return f"-{one[1]}{one[2]}"
    if _UNCLEAR.match(text):
        return None
    one = _MINUS_BEFORE.match(text)
    return f"-{one[1]}{text[one.end() :]}" if one else text


def _found(
    asked: _Asked, table: Mapping[int, Row], columns: Mapping[str, Mapping[int, float]]
) -> Found | None:
    """The answer, if the question names one column, and nothing else is left open."""
    column = _column(asked, columns)
    answering = _answering(asked, table, column) if column else None
    if column is None or answering is None or any(map(_ORDINAL.fullmatch, asked.words)):
        return None
    kept, explained = _chosen_rows(asked, table, column)
    following = asked.words[asked.place + 1 : asked.place + 2]
    explained |= _meant(asked, column) | stems(answering) | stems(asked.words[asked.place])
    explained |= stems(" ".join(following)) & _ADJECTIVES
    if not _explains(asked, explained, next(iter(table.values())).heading):
        return None
    figures = {number: columns[column][number] for number in kept if number in columns[column]}
    end = (max if asked.most else min)(figures.values(), default=None)
    ends = [number for number, figure in figures.items() if figure == end]
    values = {number: dict(table[number].fields).get(answering, "") for number in figures}
    several = answering != column and len(set(values.values())) < len(values)
    if len(ends) != 1 or several or not values[ends[0]]:
        return None  # a tie, or several rows of one thing, which would have to be added
    return Found(ends[0], values[ends[0]])


def _column(asked: _Asked, columns: Mapping[str, Mapping[int, float]]) -> str | None:
    """The column that the question names best; that of a year not asked for is another one."""
    fits = {name: len(_meant(asked, name)) for name in columns if _numbers(name) <= asked.numbers}
    best = [name for name, held in fits.items() if held == max(fits.values())]
    return best[0] if len(best) == 1 else None


def _explains(asked: _Asked, explained: set[str], heading: str) -> bool:
    """Whether all numbers of the question are explained, and enough of its words."""
    named = stems(heading) & asked.wanted
    left = asked.wanted - explained - named - _NAMING
    allowed = TEXT.unexplained * len(asked.wanted) if named else TEXT.unheaded
    return asked.numbers <= explained | named and len(left) <= allowed


def _chosen_rows(
    asked: _Asked, table: Mapping[int, Row], column: str
) -> tuple[list[int], set[str]]:
    """The rows with the values of other columns that the question names, and what explains it.

    No row if the question has a word with a symbol, as "C++", that is in no such value or name.
    """
    kept = list(table)
    explained: set[str] = set()
    some = next(iter(table.values()))
    symbols = with_symbols(f"{some.heading} {some.fields[0][0]} {column}")
    names = {name for one in table.values() for name, _ in one.fields[1:]} - {column}
    for name in sorted(names):
        cells = {number: dict(one.fields).get(name, "") for number, one in table.items()}
        values = {number: parts(cell) for number, cell in cells.items()}
        named = [number for number in kept if is_named(asked.text, cells[number])]
        if named and len({tuple(values[number]) for number in named}) == 1:
            kept = named
            symbols |= with_symbols(cells[named[0]])
            explained |= stems(" ".join(values[named[0]])) | (stems(name) & asked.wanted)
    return (kept if with_symbols(asked.text) <= symbols else []), explained


def _answering(asked: _Asked, table: Mapping[int, Row], column: str) -> str | None:
    """The column that holds what is asked for: that of the figures, or what names the rows."""
    key = next(iter(table.values())).fields[0][0]
    named = stems(key.rsplit(".", 1)[-1]) & asked.wanted
    asks = next((word for word in asked.words if word in _NAMING | {"what", "how"}), "")
    if asks in _NAMING:
        return key if named or asks == "who" else None
    if asks == "how":
        return column
    following = stems(" ".join(asked.words[asked.place + 1 : asked.place + 2]))
    if named and (following & named or following <= _ADJECTIVES):
        return key
    before = stems(" ".join(asked.words[: asked.place]))
    if asks == "what":
        return key if named & before else column
    return key if named else None


def _numbers(name: str) -> set[str]:
    return {word for word in parts(name) if word[0].isdigit()}
