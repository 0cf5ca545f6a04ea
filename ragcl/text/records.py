"""Table lookup: the value in the row and the field that a question names.

A small language model reads sentences but confuses the rows of a table. If a question names one row
and one column, no model is needed. Knows no model and no ranking.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ragcl.text.recipe import TEXT
from ragcl.text.sentences import split_sentences
from ragcl.text.superlatives import NEWEST, OLDEST
from ragcl.text.words import content_words, parts, stems

_FIELD = re.compile(r"([^\W\d][\w .()/-]{0,39}): (\S.*)")
_RULE = re.compile(r":?-+:?")  # below the header of a table in Markdown
_VALUE_WORDS = frozenset("date day year month time when until number version value".split())


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
    words = parts(question)
    found: list[tuple[int, int, Found]] = []
    for numbers in tables.values():
        if len(numbers) < TEXT.record_rows:
            continue
        table = {number: one for number in numbers if (one := rows[number])}
        chosen, said = _named_row(words, table)
        if chosen is None:
            continue
        found_here = _named_field(question, table[chosen], said)
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


def of(text: str, heading: str) -> list[Row]:
    """The rows that a passage holds."""
    sentences = split_sentences(text)
    places = headers(sentences)
    found = [
        row(one, heading, None if place is None else sentences[place])
        for one, place in zip(sentences, places, strict=True)
    ]
    return [one for one in found if one]


def _named_row(words: Sequence[str], table: dict[int, Row]) -> tuple[int | None, set[str]]:
    """The index of the row that the words name, by key or as last or first, and those words."""
    longest = 0
    named: list[int] = []
    for number, one in table.items():
        key = parts(one.key)
        if len(key) >= longest and holds_words(words, key):
            named = [*(named if len(key) == longest else ()), number]
            longest = len(key)
    if named:
        said = set(parts(table[named[0]].key))
        return (named[0] if len(named) == 1 else None), said
    for superlatives, choose in ((NEWEST, max), (OLDEST, min)):
        said = set(superlatives.intersection(words))
        if said:
            order = {number: _order(one) for number, one in table.items()}
            if None in order.values():
                return None, said
            best = choose(order.values())  # type: ignore[type-var]
            rows = [number for number, place in order.items() if place == best]
            return (rows[0] if len(rows) == 1 else None), said
    return None, set()


def _named_field(question: str, one: Row, said: set[str]) -> tuple[int, int, str] | None:
    """The value of the field that the question names best.

    Returns:
        The number of the heading's words in the question, the number of unexplained words of the
        question, and the value; None if no field is named, or several equally well.
    """
    words = parts(question)
    wanted = stems(" ".join(content_words(question)))
    heading = stems(one.heading) & wanted
    by_key = bool(set(parts(one.key)) <= said)
    scores: list[tuple[float, int, str]] = []
    explained: dict[str, set[str]] = {}
    for place, (name, value) in enumerate(one.fields):
        if place == 0 and by_key:
            continue
        names = stems(name.rsplit(".", 1)[-1])
        held = names & wanted
        initials = _spelt(name.rsplit(".", 1)[-1], words)
        explained[value] = held | stems(" ".join(initials))
        share = 1.0 if initials else len(held) / max(1, len(names))
        scores.append((share, len(explained[value]), value))
    if not scores:
        return None
    best = max(scores, key=lambda some: some[:2])
    if best[0] < TEXT.named or len([some for some in scores if some[:2] == best[:2]]) > 1:
        return None
    known = heading | explained[best[2]] | stems(" ".join(said)) | stems(" ".join(_VALUE_WORDS))
    left = len(wanted - known)
    if left > TEXT.unexplained * len(wanted) or (left and not heading):
        return None
    return len(heading), left, best[2]


def _spelt(name: str, words: Sequence[str]) -> Sequence[str]:
    """Consecutive words whose initials are a short field name; empty if there are none."""
    letters = name.lower()
    if not (TEXT.acronym[0] <= len(letters) <= TEXT.acronym[1] and letters.isalpha()):
        return ()
    for start in range(len(words) - len(letters) + 1):
        some = words[start : start + len(letters)]
        if "".join(word[0] for word in some) == letters:
            return some
    return ()


def _order(one: Row) -> tuple[int, ...] | None:
    """The sort key of a row: the numbers of its key, or else its first date."""
    if re.fullmatch(r"\D{0,2}\d+(?:[.-]\d+)*", one.key):
        return tuple(map(int, re.findall(r"\d+", one.key)))
    dates = [re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", value) for _, value in one.fields]
    return next((tuple(map(int, date.groups())) for date in dates if date), None)
