"""Splits a text into sentences. Knows no grammar."""

# ruff: noqa: RUF001 - abbreviations of other scripts

import re
import unicodedata
from collections.abc import Iterator

from ragcl.text.recipe import TEXT
from ragcl.text.scripts import (
    CLOSING,
    ITEM_MARK,
    PAUSES,
    QUESTION_MARKS,
    STOPS,
    UNSPACED,
    simple,
    spaced,
)

# A full stop after an initial, an abbreviation or a German ordinal, or before a small letter, ends
# no sentence.
_SHORT = (
    "Dr",
    "Mr",
    "Mrs",
    "Ms",
    "Prof",
    "St",
    "No",
    "vs",
    "ca",
    "Fig",
    "e.g",
    "i.e",
    "cf",
    "approx",
    "Nr",
    "bzw",
    "z.B",
    "d.h",
    "u.a",
    "Mme",
    "Sra",
    "Srta",
    *"ул просп пл проф акад св".split(),
    *"डॉ श्री प्रो".split(),
)
# A full stop after these ends none before a number.
_NUMBERED = "|".join(
    rf"(?<=\b{word}\.\s\d)"
    for word in "Abs Art Kap Ziff n\xfam p\xe1g д п ст стр гл рис табл кв корп".split()
)
_SMALL = "".join(c for c in map(chr, range(0x10000)) if c.islower() and c.isalpha())
# A German date or century goes on behind its ordinal; "z. B." is an abbreviation of two.
_GERMAN = "Januar J\xe4nner Februar M\xe4rz Mai Juni Juli Oktober Dezember Jahrhundert".replace(
    " ", "|"
)
_ORDINALS = [
    rf"(?<=\b{word} {digits}\.\s)"
    for word in "am vom zum bis dem den der".split()
    for digits in (r"\d", r"\d\d")
]
# Another noun than a month follows an ordinal behind an article, unless a sentence begins there.
_BEGINS = "Der|Die|Das|Er|Sie|Es|Dann|Danach|Am|Im|In|Ein|Eine|Wir|Ich|Und|Aber"
_RANKS = "|".join(
    rf"(?<=\b{article} {digits}\.\s)"
    for article in "[Dd]er [Dd]ie [Dd]as [Dd]en [Dd]em [Dd]es [Ii]m".split()
    for digits in (r"\d", r"\d\d")
)
_GOES_ON = (
    rf"(?<=\d\.\s)(?:{_GERMAN})\b"
    rf"|(?:{'|'.join(_ORDINALS)})(?:April|August|September|November)\b"
    rf"|(?<=\d\.\s)(?:{_RANKS})(?!(?:{_BEGINS})\b)[^\W\d_]"
    r"|(?<=\bz\.\s)B\."
    rf"|\d(?:{_NUMBERED})"
    # A Spanish title; in English a name ends with it.
    r"|(?<=Sr\.\s)(?:(?<!.Sr\.\s)|(?<=\b[AEae]l\sSr\.\s)|(?<=\bdel\sSr\.\s))"
    # A Russian town; behind a number it is a year, which may end a sentence.
    r"|(?<=\bг\.\s)(?<!\d\sг\.\s)(?<!\dг\.\s)"
    # A quotation mark that closes, as none before a letter does.
    r"|[\xbb\u203a\u201d](?:[\s.,;:!?]|$)"
)
# Particles behind a Japanese quotation, and not a word that begins like one.
_QUOTED = "(?:と(?!ても|ころ|にかく|き|なり)|って|を|の(?!ち|ん))"
_END = re.compile(
    r"(?:(?<=[.!?])|(?<=[.!?][\"')\]\xab\xbb\u201c\u201d\u2019])|(?<=[.!?]\s\xbb)|(?<=[\u0370-\u03ff];))"
    + "".join(rf"(?<!\b{re.escape(word)}\.)" for word in _SHORT)
    + rf"(?<!\b[A-ZА-ЯЁ]\.)[^\S\n]+(?=[^\W\d_{_SMALL}]|[\W\d])(?!{_GOES_ON})"
    # No space need follow the stops of other scripts, nor a question mark in Chinese.
    + rf"|(?:(?<=[{STOPS}])|(?<=[{STOPS}][{CLOSING}])(?!{_QUOTED})|(?<=\uff0e)(?!\d)"
    + rf"|(?<=[{UNSPACED}][!?])(?=[{UNSPACED}]))(?![{STOPS}{CLOSING}])|\n+"
)
_RULE = re.compile(r"[-=~*_#\s]*")  # underlines a title, or separates two paragraphs
_ITEM = re.compile(rf"[-*+\u2022|>#]|\d+[.)]\s|{ITEM_MARK}")
_SPACELESS = re.compile(f"[{UNSPACED}{STOPS}{PAUSES}{CLOSING}]")
_CLAUSE = re.compile("(?<=[\u0e00-\u0eff]) +(?=[\u0e00-\u0eff])")  # Thai and Lao have no stops
_FIELD = re.compile(r"[\w .-]{1,60}(?::\s|\uff1a)")
_ROW = re.compile(r"\t|\S {2,}\S|\d$")  # of columns, or with a number at its end
_CODE = re.compile(r" = |=>|[{};)\]]$")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text; a row of a table or an item of a list is a sentence.

    A sentence wrapped over several lines is one. A question or a title is joined to the sentence
    after it: alone it would be similar to a question and answer nothing.
    """
    found: list[str] = []
    for part in _parted("\n".join(_unwrapped(text))):
        if found and _announces(found[-1], part):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


def _parted(text: str) -> Iterator[str]:
    """The pieces between ends of sentences; of Thai and Lao the clauses, as long as a sentence."""
    for part in filter(None, map(str.strip, _END.split(text))):
        start = 0
        for gap in () if simple(part) else _CLAUSE.finditer(part):
            if gap.start() - start >= TEXT.clause_chars <= len(part) - gap.end():
                yield part[start : gap.start()]
                start = gap.end()
        yield part[start:]


def _unwrapped(text: str) -> list[str]:
    """The lines with wrapped ones joined, without horizontal rules."""
    lines = text.splitlines()
    width = max(map(_columns, lines), default=0)
    found: list[str] = []
    broken = ""  # the line before, if this one may continue it
    for line in lines:
        if _RULE.fullmatch(line):
            broken = ""
            continue
        if broken and _goes_on(broken, line, width):
            found[-1] += f"{_gap(broken, line)}{line.strip()}"
        else:
            found.append(line)
        broken = line
    return found


def _goes_on(line: str, other: str, width: int) -> bool:
    """Whether `other` continues the line, judged by its first letter and the line's width."""
    if _columns(line) < TEXT.wrapped_chars or _ITEM.match(other.lstrip()):
        return False
    if (_FIELD.match(line) and _FIELD.match(other)) or _CODE.search(line) or _CODE.search(other):
        return False
    first = spaced(other).split()[0]
    full = _columns(line) + 1 + _columns(first) > width and not _ROW.search(line)
    return first[0].islower() or (full and first[0].isalpha())


def _columns(line: str) -> int:
    """The width of a line on a terminal: Chinese characters are two columns wide."""
    if simple(line):
        return len(line)
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line)


def _gap(line: str, other: str) -> str:
    """What separates two lines that are one: nothing between characters that take no space."""
    inside = _SPACELESS.fullmatch(line.rstrip()[-1]) and _SPACELESS.match(other.lstrip())
    return "" if inside else " "


def _announces(line: str, other: str) -> bool:
    """Whether a line is a question or a title, and `other` is not another one."""
    if line.endswith(tuple(QUESTION_MARKS)):
        return not other.endswith(tuple(QUESTION_MARKS))
    return _is_title(line) and not _is_title(other)


def _is_title(line: str) -> bool:
    return (
        line[-1].isalpha()
        and not _ITEM.match(line)
        and not re.search(r"[\d;:,|\t]", line)
        and len(spaced(line).split()) <= TEXT.title_words
    )
