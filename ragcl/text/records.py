"""Table lookup: the value in the row and the field that a question names.

A small language model reads sentences but confuses the rows of a table. If a question names one row
and one column, no model is needed. Knows no model and no ranking.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ragcl.text import row_order
from ragcl.text.recipe import TEXT
from ragcl.text.rows import Row, last_part
from ragcl.text.scripts import as_ascii
from ragcl.text.superlatives import NEWEST, OLDEST
from ragcl.text.words import HUMP, content_words, parts, stems

_VALUE_WORDS = frozenset("date day year month time when until number version value".split())
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2013\u2212", "-"))
_EMPHASIS = re.compile(r"(?<!\w)(\*+)([^*]+)\1(?![\w*])")  # of Markdown
# A word or a number that is another one without its symbol: "C++", "A-", ".net", "-5", "> 10".
_WITH_SYMBOL = re.compile(
    r"(?<![\w.])(?:\.[^\W\d_]+|(?:\d+(?:[.,]\d+)*|[^\W_]+)[-+#\u266d\u266f]+|[^\W_]{1,2}\*+)"
    r"(?![-\w+#*])"
    r"|(?<![\w.)+-])(?:[-+]|[<>\u2264\u2265]=? ?)\d+(?:[.,]\d+)*"
)


@dataclass(frozen=True)
class Found:
    """The index of the row that a question asks for, and the value there."""

    row: int
    value: str


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
    columns = row_order.times(table)
    column = next((name for name in columns if row_order.orders(words, said, name)), "")
    if column:
        said.update(parts(last_part(column)))
        columns = {column: columns[column]}
    return row_order.end(table, columns, newest=bool(newest), by_key=not column), said, column


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
        own = stems(last_part(name))
        held = own & naming
        initials = _spelt(last_part(name), words, said)
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
