"""Comparison of answers: whether two are the same, and whether a text holds one.

Two answers are the same if their tokens are: words, quantities, dates, times and versions, however
they are written. They are also the same if the longer one certainly adds nothing: "It is 11 metres"
to "11 metres", "Ada Lovelace" to "Lovelace". With any other additional word the meaning may differ,
as in "not allowed", "Monday to Friday" and "vice president", and they are not the same.

A text holds an answer if it has the answer's tokens in a row, and no neighbouring token changes
their meaning: a negation, a range, the rest of a number. Scripts without spaces between words are
compared by characters. Knows no question: "11" is not "11 metres" here, even to how many metres.
"""

from collections.abc import Sequence
from functools import lru_cache

from ragcl.text.negations import NEGATIONS, negated
from ragcl.text.numerals import NUMERALS
from ragcl.text.tokens import tokens
from ragcl.text.values import Token

# Words before an answer that add nothing to it.
_INTRODUCING = frozenset(
    "it its it's is was are were be been will has he she they there this that that's these "
    "those the a an at in on for answer called named".split()
)
_DIMENSIONS = frozenset("deep long wide high tall thick old away".split())  # behind a quantity
# Words that make another name of the name after them.
_OTHER_ONE = frozenset(
    "new old north south east west northern southern eastern western upper lower great "
    "little big small inner outer central middle mid first second third last next former "
    "late acting vice deputy assistant junior senior anti non pre post pro ex not no black "
    "red white blue green good saint san santa el los las la le les fort port mount lake bay "
    "cape of out half past partly partially fully completely mostly nearly temporarily "
    "permanently usually normally currently recently newly".split()
)
_ONES = frozenset("one two three four five six seven eight nine".split())
_TENS = frozenset("twenty thirty forty fifty sixty seventy eighty ninety".split())
_TEENS = frozenset(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
)
_POWERS = frozenset("hundred thousand million billion trillion dozen".split())
_NUMBERS = _ONES | _TEENS | _TENS | _POWERS
_KINDS = frozenset(  # not the names of people, whom their last name stands for
    "street road avenue lane square bridge river bay island university college school "
    "company bank berth harbour harbor port office door gate house park station hall tower "
    "church city county state basic script english french german day week month year".split()
).union(_NUMBERS)
# What is longer by one of these says something else, even where it was read in the same place.
_CHANGING = NEGATIONS | frozenset(
    "and or nor but except only until till to through before after from than over under "
    "below above about almost nearly most least up half unless if und oder et ou y o e "
    "и или 和 与 或 、 と".split()
)
_MANY = frozenset("百千万萬亿億兆")  # that numbers in digits are written with
_HALVES = frozenset("午前後后上下中早晚")  # of a day, before an hour: 9時から午後5時
_OF_TIME = frozenset("时時点點")
_GOES_ON = frozenset("半间間钟鐘")  # half past, or hours instead of o'clock


def canonical(text: str) -> str:
    """The normalised text: equal for answers with the same tokens."""
    return " ".join(token.key for token in tokens(text))


@lru_cache(maxsize=16384)
def same(one: str, other: str) -> bool:
    """Whether two answers are the same; an empty one is not the same as any."""
    shorter, longer = sorted((tokens(one), tokens(other)), key=len)
    if not shorter:
        return False
    if _keys(shorter) == _keys(longer):
        return True
    return any(
        _adds_nothing(longer[:start], shorter, longer[end:])
        for start, end in _occurrences(longer, shorter)
    )


@lru_cache(maxsize=16384)
def holds(text: str, answer: str) -> bool:
    """Whether a text holds an answer as whole words.

    An answer without a unit is held even if the text has a unit; an answer with a unit only if the
    text has the same one.
    """
    return bool(_occurrences(tokens(text), tokens(answer)))


def compatible(one: str, other: str) -> bool:
    """Whether two answers do not contradict each other: one holds the other."""
    return same(one, other) or holds(one, other) or holds(other, one)


def same_piece(texts: Sequence[str], one: str, other: str) -> bool:
    """Whether two answers are the same span of these texts, at different lengths.

    Each must occur exactly once in the texts, or its position would be ambiguous; one must lie
    within the other; and the additional tokens of the longer one must not change the meaning.
    """
    read = [tokens(text) for text in texts]
    places = [
        [(i, *place) for i, text in enumerate(read) for place in _occurrences(text, tokens(answer))]
        for answer in (one, other)
    ]
    if any(len(found) != 1 for found in places):
        return False
    (i, start, end), (within, first, last) = sorted(
        (found[0] for found in places), key=lambda place: place[1] - place[2]
    )
    if i != within or not start <= first <= last <= end:
        return False
    more = [*read[i][start:first], *read[i][last:end]]
    return not any(token.key in _CHANGING or token.kind in ("value", "mark") for token in more)


def _keys(some: Sequence[Token]) -> list[str]:
    return [token.key for token in some]


def _occurrences(text: Sequence[Token], answer: Sequence[Token]) -> list[tuple[int, int]]:
    """Where the tokens of an answer stand in a text and mean the same: starts and ends."""
    wanted, n = _keys(answer), len(answer)
    if not wanted:
        return []
    return [
        (start, start + n)
        for start, token in enumerate(text)
        if token.key == wanted[0]
        and _keys(text[start : start + n]) == wanted
        and not _cut(text, start, start + n)
        and not negated(text, start, start + n)
    ]


def _cut(text: Sequence[Token], start: int, end: int) -> bool:
    """Whether a number, a range, a power or a rate goes on beyond these tokens."""
    before, after = text[:start][-1:], text[end : end + 1]
    own = text[start:end]
    at = start
    while at and text[at - 1].key in _HALVES:
        at -= 1
    if (at and _to(text[at - 1])) or (before and _one_number(before[0], own[0])):
        return True
    two_before = _keys(text[max(0, start - 2) : start])
    if own[0].key in _NUMBERS and two_before[1:] == ["and"] and two_before[0] in _POWERS:
        return True  # a hundred and five
    if not after:
        return False
    last, measured = own[-1], own[-1].kind in ("value", "unit")
    if _to(after[0]) or _one_number(last, after[0]):
        return True
    if last.key in _OF_TIME and (after[0].key in _GOES_ON or _counts(after[0])):
        return True
    return measured and after[0].key in ("to", "^", "per", "+", "±") and after[0].kind != "value"


def _to(one: Token) -> bool:
    return one.kind == "mark" and one.key == "to"


def _counts(one: Token) -> bool:
    return one.kind == "value" or one.key in NUMERALS


def _one_number(one: Token, other: Token) -> bool:
    """Whether two tokens in a row are one number: 三 十, 3 万, 万 5, twenty five, five hundred."""
    if other.key in NUMERALS:
        return _counts(one)
    if one.key in _NUMBERS and other.key in _NUMBERS:
        power = one.key in _POWERS or other.key in _POWERS
        return power or (one.key in _TENS and other.key in _ONES)
    return one.key in _MANY and other.kind == "value"


def _adds_nothing(before: Sequence[Token], answer: Sequence[Token], after: Sequence[Token]) -> bool:
    """Whether what a longer answer has around the shorter one changes nothing."""
    if not after and _is_name(answer) and _is_name(before):
        return not _OTHER_ONE.intersection(_keys(before)) and answer[-1].key not in _KINDS
    measured = answer[-1].kind == "unit" and len(after) == 1
    introduced = all(one.key in _INTRODUCING and one.written != "A" for one in before)
    return introduced and (not after or (measured and after[0].key in _DIMENSIONS))


def _is_name(some: Sequence[Token]) -> bool:
    """Whether every word is written as a name is; abbreviations and symbols are none."""
    return bool(some) and all(
        token.kind == "word" and token.written.istitle() and len(token.written) > 1
        for token in some
    )
