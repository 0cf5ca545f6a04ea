"""Normalised tokens of a text: words, quantities, dates, times and versions.

Different spellings of one value have the same token: "1,500 metres" and "1500 m", "1 May 2024" and
"2024-05-01", "8 pm" and "20:00". All that changes the meaning is kept: sign, decimal point, unit,
the case of a unit, the suffix of a version, the symbol of "C++". An ambiguous spelling ("1.500",
"05/01/2024") is equal only to itself. Knows no grammar, and no answer.
"""

import re
import unicodedata
from dataclasses import replace
from functools import lru_cache

from ragcl.text import units
from ragcl.text.numerals import with_digits
from ragcl.text.scripts import as_ascii
from ragcl.text.values import GLYPH, LETTER, Token, value


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a text; of one without words or numbers, its symbols as a single word."""
    plain = _plain(text)
    found = _without_articles(_ranges(_scan(plain)))
    if not found and (symbols := "".join(plain.split())):
        found = [Token(symbols.casefold(), "word", symbols)]
    return tuple(found)


# Characters

_INVISIBLE = re.compile(r"[\u00ad\u0640\u064b-\u0652\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MINUS = re.compile(r"(?<![\d)%] )\u2212 (?=\d)")  # a sign; between numbers it subtracts
_NO_BREAK = re.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
_FRACTION = re.compile(r"(\d?)([\u00bc-\u00be\u2150-\u215e])")
_RAISED = re.compile(
    r"(\d|(?<![^\W\d_])[^\W\d_]{1,2})?([\u207a\u207b]?[\u00b2\u00b3\u00b9\u2070-\u2079]+)"
)
_ALONE = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u02bc": "'",
        "\u2212": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u301c": "~",
        "\u066b": ".",
        "\u066c": ",",
        "\u066a": "%",
        "\u066d": "*",
    }
)


def _plain(text: str) -> str:
    """The text with normalised characters, in its own case."""
    if text.isascii():
        return text
    text = _MINUS.sub("-", _NO_BREAK.sub("'", _INVISIBLE.sub("", text)))
    text = _FRACTION.sub(lambda one: f"{one[1]} {unicodedata.normalize('NFKC', one[2])}", text)
    text = unicodedata.normalize("NFKC", _RAISED.sub(_power, text)).translate(_ALONE)
    text = text.replace("\u2044", "/")
    return with_digits(as_ascii(text))


def _power(one: re.Match[str]) -> str:
    """A superscript: a power after a number or a unit; after a word a footnote mark, dropped."""
    before = one[1] or ""
    return f"{before}^{unicodedata.normalize('NFKC', one[2])}" if before else ""


# Pieces

_LISTED = re.compile(r"#(?=\d)|\b(?:[Nn][or]\. ?|No)(?=\d)")  # "No. 5", and the sign for it
_WORD = re.compile(
    rf"(?P<initials>[^\W\d_](?:\.[^\W\d_])+(?!{LETTER})\.?)"
    r"|(?P<graded>[A-Z]{1,2}[+-](?![\w+-]))"
    rf"|\.?{LETTER}+(?:(?:\.(?![A-Z][a-z])|['&@]){LETTER}+)*(?:\+\+|#(?!\w))?"
)
_ARROW = re.compile(r"[-=]+>|<[-=]+(?!\d)")
_COMPARED = re.compile(
    r"(<=|>=|[<>\u2264\u2265\u2260\u00b1~\u2248\u00d7\u00f7+*/^]) ?(?=[-+]?\.?\d)"
)
_SAME_MARK = {"<=": "\u2264", ">=": "\u2265"}
_QUOTE_MARK = re.compile(r"(?m)^\s*>+ (?!\d)")
_DASHES = "-\u2013\u2014"
_RANGE_WORDS = frozenset("to until till through thru bis".split())
# Of other languages, whose words may mean more; of から each character is a token.
_RANGE_WORDS_ELSEWHERE = frozenset(
    "до по à a al au ai alle às até ate hasta tot til do až έως ως μέχρι إلى الى تا עד से đến "
    "sampai hingga 到 至".split()
) | {"か ら", "a las", "a la", "hasta las", "até as", "até às", "fino a", "jusqu'à"}
_HALVES_OF_DAY = frozenset("午前 午後 上午 下午 中午 早上 晚上".split())
_DAY = re.compile(r"(?:\d{4}|-)-\d\d(?:-\d\d)?|[^\W\d]+")
_DAYS = frozenset(
    [
        *units.DAYS,
        *(f"{day}s" for day in units.DAYS),
        *"mon tue tues wed thu thur thurs fri".split(),
    ]
)
_NOT_ALWAYS_MONTHS = frozenset("may march mar sept mars mai mayo julio avril".split())
_ABOUT_TIME = _DAYS | units.MONTHS.keys() - _NOT_ALWAYS_MONTHS
_BEFORE_NOT = {"can": "can", "ca": "can", "wo": "will", "sha": "shall"}


def _scan(text: str) -> list[Token]:
    """The tokens of a normalised text, including articles and dashes."""
    text = _QUOTE_MARK.sub(" ", text)
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        pieces, end = _next(text, at, found)
        found += pieces
        at = max(end, at + 1)
    return found


def _next(text: str, at: int, before: list[Token]) -> tuple[list[Token], int]:
    """The tokens that begin at a position, if any, and the position after them."""
    here = text[at]
    if here.isspace():
        return [], at + 1
    begins = (
        at == 0 or not (text[at - 1].isalnum() or text[at - 1] == "_") or GLYPH.match(text, at - 1)
    )
    if begins:
        if listed := _LISTED.match(text, at):
            return [], listed.end()
        pieces, end = value(text, at, before)
        if pieces:
            return pieces, end
    if glyph := GLYPH.match(text, at):
        return [Token(glyph[0], "glyph", glyph[0])], glyph.end()
    if (here.isalnum() or here == "_" or (here == "." and begins)) and (
        one := _WORD.match(text, at)
    ):
        return _words(one), one.end()
    if arrow := _ARROW.match(text, at):
        return [], arrow.end()
    if compared := _COMPARED.match(text, at):
        sign = compared[1]
        return [Token(_SAME_MARK.get(sign, sign), "mark", sign)], at + len(sign)
    if here in _DASHES:
        return [Token("-", "mark", here)], at + 1
    if here == "+" and before and at and text[at - 1].isalnum():  # "5+", or more
        return [Token("+", "mark", here)], at + 1
    return ([Token("and", "word", "and")] if here == "&" else []), at + 1


def _words(one: re.Match[str]) -> list[Token]:
    written = one[0]
    key = written.casefold()
    if one["initials"]:
        return [Token(key.replace(".", ""), "word", written)]
    if key.endswith("n't") and len(key) > 3:
        base = _BEFORE_NOT.get(key[:-3], key[:-3])
        return [Token(base, "word", base), Token("not", "word", "not")]
    if key == "cannot":
        return [Token("can", "word", "can"), Token("not", "word", "not")]
    return [Token(key, "value" if key in _ABOUT_TIME else "word", written)]


def _ranges(found: list[Token]) -> list[Token]:
    """The tokens with range signs between two values as marks, and without other dashes."""
    made: list[Token] = []
    place = 0
    while place < len(found):
        one = found[place]
        length = next((n for n in (2, 1) if _is_range(found, place, place + n)), 0)
        if length:
            made.append(replace(one, key="to", kind="mark"))
        elif one.key != "-":
            made.append(one)
        place += length or 1
    return made


def _is_range(found: list[Token], start: int, end: int) -> bool:
    """Whether these tokens say up to, and stand between two values: 3-5, 9時から17時."""
    said = " ".join(one.key for one in found[start:end])
    sign = found[start].kind == "mark" and said in ("-", "~")
    elsewhere = said in _RANGE_WORDS_ELSEWHERE
    if not (sign or elsewhere or said in _RANGE_WORDS):
        return False
    if "".join(one.key for one in found[end : end + 2]) in _HALVES_OF_DAY:
        end += 2
    if not start or end >= len(found) or found[end].kind != "value":
        return False
    counted = found[start - 1].kind == "glyph"  # 9時, 3人
    before = found[: start - counted][-1:]
    if not before or before[0].kind not in ("value", "unit"):
        return False
    # "le 5 mai à 10 h" is no range
    return not (elsewhere and _is_day(before[0])) or _is_day(found[end])


def _is_day(one: Token) -> bool:
    return one.kind == "value" and _DAY.fullmatch(one.key) is not None


def _is_letter(one: Token) -> bool:
    return one.kind == "word" and len(one.written) == 1


def _without_articles(found: list[Token]) -> list[Token]:
    """Without a, an and the; but "vitamin A" ends in no article, and "A, B" begins with none."""
    return [
        one
        for place, one in enumerate(found)
        if not (
            place + 1 < len(found)
            and (
                one.key == "the"
                or (
                    one.key in ("a", "an")
                    and (one.written.islower() or (not place and not _is_letter(found[1])))
                )
            )
        )
    ]
