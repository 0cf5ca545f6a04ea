"""Values: numbers with signs and units, dates, times and versions, parsed at a position of a text.

Each becomes a normalised token. An ambiguous one is left as it is written. Knows no words but those
of units and months.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ragcl.text import units
from ragcl.text.scripts import MARKS, UNSPACED

Kind = Literal["word", "glyph", "value", "unit", "mark"]


@dataclass(frozen=True)
class Token:
    """A token of a text: tokens with equal `key` mean the same; `written` is the original text.

    A "glyph" is a character of a script without spaces between words. A "value" is a number, date,
    time or version. A "unit" follows its number, wherever it was written. A "mark" is a sign
    between values, such as the "to" of a range.
    """

    key: str
    kind: Kind
    written: str = ""


LETTER = rf"(?:(?![{UNSPACED}])[\w{MARKS}])"
GLYPH = re.compile(rf"[{UNSPACED}](?:(?=[\W_])[{MARKS}])*")
_MONTH = "|".join(sorted(units.MONTHS, key=len, reverse=True))
_MONTH_STARTS = frozenset(name[:3] for name in units.MONTHS)
_ORDINAL = r"(?:st|nd|rd|th|er)?"
_ALSO_VERBS = frozenset({"may", "march", "mar"})  # a month only where it is written as a name
_ALSO_NAMES = frozenset({"Mars", "Julio", "Mayo", "Avril"})  # and only where it is not
_DATES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?:T(?=\d\d:)|(?![\w-]|\.\d))",
        r"(?P<y>\d{4})\s?\u5e74\s?(?P<m>\d{1,2})\s?\u6708(?:\s?(?P<d>\d{1,2})\s?\u65e5)?",
        r"(?P<m>\d{1,2})\s?\u6708\s?(?P<d>\d{1,2})\s?\u65e5",
        r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4})(?![\w.])",
        rf"(?P<d>\d{{1,2}}){_ORDINAL}\.?\s(?:of\s|de\s)?(?P<n>{_MONTH})\b\.?(?:,?\s(?:de\s)?(?P<y>\d{{4}})\b)?",
        rf"(?P<n>{_MONTH})\.?\s(?P<d>\d{{1,2}}){_ORDINAL}(?![\w%]|[.:,]\d)(?:,?\s(?P<y>\d{{4}})\b)?",
        rf"(?P<n>{_MONTH})\.?,?\s(?P<y>\d{{4}})\b",
        r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})(?![\w/])",
    )
]
_TIMES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<h>\d{1,2})(?:[:.](?P<m>\d{2}))?(?::(?P<s>\d{2}))?\s?(?P<half>[ap])(?:\.\s?m\.|m\b)",
        r"(?P<h>\d{1,2})(?:[:.](?P<m>\d{2}))?\s?(?:o'clock|uhr)\b",
        r"(?P<h>\d{1,2})[:h](?P<m>\d{2})(?::(?P<s>\d{2}))?(?![\w:])",
    )
]
_VERSION = re.compile(
    r"(?:(?P<v>v\.?\s?(?=\d)|(?:version|release)\s(?=\d))(?P<one>\d+(?:\.\d+)*)"
    r"|(?P<many>\d+(?:\.\d+){2,}))"
    r"(?P<rest>[-.]?(?:alpha|beta|rc|dev|post|pre|preview|snapshot|nightly|canary|lts|sp|a|b)"
    r"[.-]?\d*|\+\w+)?(?!\w)",
    re.IGNORECASE,
)
_CURRENCY = re.compile("|".join(map(re.escape, units.CURRENCIES)))
_SIGN_WORDS = (
    "(?:minus|negative|moins|menos|meno|минус|мінус|영하) "
    "|(?:零下|(?<!\\w)[负負]|(?<!プラス)マイナス) ?"
)
_SIGN = re.compile(
    rf"(?:[+\-\u2013]|{_SIGN_WORDS})(?=\.?\d|(?:{_CURRENCY.pattern}) ?\d)", re.IGNORECASE
)
_BELOW_ZERO = re.compile(
    " (?:below zero|unter null|onder nul|sous zéro|bajo cero|abaixo de zero|sotto zero|ниже нуля)"
    r"\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?P<grouped>[1-9]\d{0,2}(?P<by>[,' ])\d{3}(?:(?P=by)\d{3})*(?!\d)(?:\.\d+)?"
    r"|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)(?:\.\d+)?)"
    r"|(?P<dotted>\d{1,3}(?:\.\d{3}){2,}(?![\d.])(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d+)"
    r"|(?P<fraction>(?:\d+\s)?\d+/\d+)(?![\d/])"
    r"|(?P<comma>(?<!\d,)(?:\d+,\d{1,2}|0,\d+))(?![\d,])"
    r"|(?P<point>\d*\.\d+|\d+)(?P<power>[eE][+-]?\d+(?!\w))?"
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}\.\d{3}")  # or thousandths
_GLUED = re.compile(rf"(?!\d){LETTER}")
_MAGNITUDE = re.compile(
    rf"[ -]?({'|'.join(sorted(units.MAGNITUDES, key=len, reverse=True))})\b\.?(?!\w)", re.IGNORECASE
)
_GLYPHS = "|".join(sorted(filter(GLYPH.match, units.WORDS), key=len, reverse=True))
_UNIT_WORDS = re.compile(
    rf"(?:%|\u2030|\u2032{{1,2}}|[$\u20ac\u00a3\u00a5\u20b9\u20bd\u20a9]|\u00b0(?: ?{LETTER}+)?"
    rf"|{_GLYPHS}|(?:(?!\d){LETTER})+(?:\$|[ -](?:(?!\d){LETTER})+){{0,2}})"
)
_POWER_OF = re.compile(r"(?:(square|sq\.?)|cubic) ", re.IGNORECASE)
_POWER = re.compile(r"\^?([23])(?!\d)")
_PER = re.compile(r" ?/ ?| per ", re.IGNORECASE)

# As feet and inches, or minutes and seconds, are written.
_PRIMES = {"'": "\u2032", '"': "\u2032\u2032"}
_QUOTATION_MARKS = {"'": re.compile(r"(?<!\w)'|(?<=[^\W\d])'(?!\w)"), '"': re.compile(r'(?<!\d)"')}

# What a value may begin with, when it begins with a letter.
_VALUE_WORD = re.compile(
    rf"(?:{_MONTH}|version|release|v)[.\s\d]|(?:{_CURRENCY.pattern})[-+ .\d]|{_SIGN_WORDS}",
    re.IGNORECASE,
)


def value(text: str, at: int, before: Sequence[Token]) -> tuple[list[Token], int]:
    """The value that begins at a place, behind other tokens, and where it ends; else nothing."""
    if text[at].isalpha() and not _VALUE_WORD.match(text, at):
        return [], at
    for read in (_date, _time, _version, _quantity):
        pieces, end = read(text, at, before)
        if pieces:
            return pieces, end
    return [], at


def _date(text: str, at: int, _before: Sequence[Token]) -> tuple[list[Token], int]:
    if not (text[at].isdigit() or text[at : at + 3].casefold() in _MONTH_STARTS):
        return [], at
    for pattern in _DATES:
        one = pattern.match(text, at)
        key = one and _day(one.groupdict())
        if one and key:
            return [Token(key, "value", one[0])], one.end()
    return [], at


def _day(parts: dict[str, str | None]) -> str | None:
    """Year, month and day as ISO 8601 has them, as far as they are given."""
    name = parts.get("n")
    if name in _ALSO_VERBS or name in _ALSO_NAMES:
        return None
    year, month, day = parts.get("y"), parts.get("m"), parts.get("d")
    one, other = parts.get("a"), parts.get("b")
    if one and other:  # day or month first, nobody knows, unless one cannot be a month
        if int(one) <= 12 and int(other) <= 12:
            return None if one != other else f"{year}-{int(one):02}-{int(one):02}"
        day, month = (one, other) if int(one) > 12 else (other, one)
    number = units.MONTHS[name.casefold()] if name else int(month or 0)
    if not 1 <= number <= 12 or not 0 < int(day or 1) <= 31:
        return None
    return f"{year or '-'}-{number:02}" + (f"-{int(day):02}" if day else "")


def _time(text: str, at: int, _before: Sequence[Token]) -> tuple[list[Token], int]:
    if not text[at].isdigit():
        return [], at
    for pattern in _TIMES:
        one = pattern.match(text, at)
        if not one:
            continue
        parts = one.groupdict()
        hour, minute, second = (int(parts.get(name) or 0) for name in "hms")
        half = (parts.get("half") or "").casefold()
        if (half and not 1 <= hour <= 12) or hour > 24 or minute > 59 or second > 59:
            continue
        if half:
            hour = hour % 12 + (12 if half == "p" else 0)
        key = f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")
        return [Token(key, "value", one[0])], one.end()
    return [], at


def _version(text: str, at: int, _before: Sequence[Token]) -> tuple[list[Token], int]:
    one = _VERSION.match(text, at)
    if not one or (not one["v"] and (number := _NUMBER.match(text, at)) and number["dotted"]):
        return [], at
    rest = re.sub(r"[-.]", "", one["rest"] or "").casefold()
    return [Token(f"v{one['one'] or one['many']}{rest}", "value", one[0])], one.end()


def _quantity(text: str, at: int, before: Sequence[Token]) -> tuple[list[Token], int]:
    """A number with its sign, and behind it its unit or currency."""
    end = at
    sign, money = "", ""
    for _ in range(2):  # "-$5" and "$-5"
        found = _CURRENCY.match(text, end)
        if found and not money:
            money, end = found[0], found.end() + (text[found.end() : found.end() + 1] == " ")
        if not sign and (one := _SIGN.match(text, end)) and _may_be_sign(text, end, before):
            sign, end = "+" if one[0] == "+" else "-", one.end()
    number = _NUMBER.match(text, end)
    if not number:
        return [], at
    literal, sure = _literal(number)
    end = number.end()
    if sure and (magnitude := _MAGNITUDE.match(text, end)):
        literal = _shifted(literal, units.MAGNITUDES[magnitude[1].casefold()])
        end = magnitude.end()
    unit, stop = _unit(text, end)
    if not unit and _GLUED.match(text, end):
        return [], at  # "3D" and "2nd" are words
    if money:
        rate = unit if unit.startswith("/") else f" {unit}"
        unit = f"{units.unit(money) or money}{rate}".strip()
    if unit and sure:
        literal = _shortest(literal)
    if not sign and (below := _BELOW_ZERO.match(text, stop if unit else end)):
        sign, stop = "-", below.end()
        end = end if unit else stop
    made = [Token(sign + literal, "value", text[at:end])]
    if unit:
        made.append(Token(f"<{unit}>", "unit", text[end:stop]))
    return made, stop if unit else end


def _may_be_sign(text: str, at: int, before: Sequence[Token]) -> bool:
    """Whether a dash at this place may be a sign: behind a number it is that of a range."""
    if at == 0:
        return True
    if text[at].isalpha() and GLYPH.match(text, at - 1):
        return True
    if text[at - 1].isalnum() or text[at - 1] in ")]}%_.+-\u2013":
        return False
    after_value = bool(before) and before[-1].kind in ("value", "unit")
    return not (after_value and (text[at] == "\u2013" or text[at].isalpha()))


def _literal(number: re.Match[str]) -> tuple[str, bool]:
    """A number with a decimal point and no other marks, and whether it is sure what it is worth."""
    if written := number["grouped"]:
        return re.sub(r"[,' ]", "", written), True
    if written := number["dotted"]:
        return written.replace(".", "").replace(",", "."), True
    if written := number["fraction"]:
        return " ".join(written.split()), False
    if written := number["comma"]:
        return written.replace(",", "."), True
    literal = "0" * number["point"].startswith(".") + number["point"]
    if number["power"]:
        return literal + number["power"].casefold(), False
    return literal, not _THOUSANDS.fullmatch(literal)


def _shifted(literal: str, places: int) -> str:
    """A number times a power of ten."""
    whole, _, part = literal.partition(".")
    part = part.ljust(places, "0")
    return _shortest(f"{whole}{part[:places]}.{part[places:]}")


def _shortest(literal: str) -> str:
    """A number without zeros that do not count: where it is measured, "1.50" is "1.5"."""
    whole, _, part = literal.partition(".")
    whole, part = whole.lstrip("0") or "0", part.rstrip("0")
    return f"{whole}.{part}" if part else whole


def _unit(text: str, at: int) -> tuple[str, int]:
    """The unit behind a number, with its power and what it is by; '' if there is none."""
    if prime := _prime(text, at):
        return prime, at + 1
    start = at
    if text[at : at + 1] in (" ", "\n", "-"):  # a line may have been broken there
        start += 1
    power = _POWER_OF.match(text, start)
    if power:
        start = power.end()
    name, end = _unit_name(text, start)
    per = _PER.match(text, end if name else at)
    if not name and not per:
        return "", at
    if name and (raised := _POWER.match(text, end)):
        name, end = f"{name}^{raised[1]}", raised.end()
        per = _PER.match(text, end)
    elif power:
        name = f"{name}^{2 if power[1] else 3}"
    if per:
        other, stop = _unit_name(text, per.end())
        if other:
            return f"{name}/{other}", stop
    return (name, end) if name else ("", at)


def _prime(text: str, at: int) -> str:
    """The prime that a straight quotation mark behind a number stands for, if it closes nothing."""
    mark = text[at : at + 1]
    if mark not in _PRIMES or text[at + 1 : at + 2].isalnum():
        return ""
    opened = sum(one.end() <= at for one in _QUOTATION_MARKS[mark].finditer(text))
    return "" if opened % 2 else _PRIMES[mark]


def _unit_name(text: str, at: int) -> tuple[str, int]:
    """The longest unit at a place."""
    one = _UNIT_WORDS.match(text, at)
    written = one[0] if one else ""
    while written:
        following = text[at + len(written) : at + len(written) + 1]
        found = units.unit(re.sub(r"\s+", " ", written).replace("-", " "))
        if found and not (
            written[-1].isalpha() and following.isalpha() and not GLYPH.match(following)
        ):
            return found, at + len(written)
        written = written[: max(written.rfind(" "), written.rfind("-"), 0)]
    return "", at
