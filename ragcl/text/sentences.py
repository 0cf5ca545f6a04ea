"""Splits a text into sentences. Knows no grammar."""

import re

from ragcl.text.recipe import TEXT

# The escapes are the full stops of Chinese and Japanese, which no space follows. A full stop after
# an initial or an abbreviation, or before a small letter, ends no sentence.
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
)
_END = re.compile(
    "".join(rf"(?<!\b{re.escape(word)}\.)" for word in _SHORT)
    + r"(?<!\b[A-Z]\.)(?:(?<=[.!?])|(?<=[.!?][\"')\]\u201d\u2019]))[^\S\n]+(?=[^\W\d_a-z]|[\W\d])"
    + r"|(?<=[\u3002\uff01\uff1f])|\n+"
)
_RULE = re.compile(r"[-=~*_#\s]*")  # underlines a title, or separates two paragraphs
_ITEM = re.compile(r"[-*+\u2022|>#]|\d+[.)]\s")
_FIELD = re.compile(r"[\w .-]{1,60}:\s")
_ROW = re.compile(r"\t|\S {2,}\S|\d$")  # of columns, or with a number at its end
_CODE = re.compile(r" = |=>|[{};)\]]$")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text; a row of a table or an item of a list is a sentence.

    A sentence wrapped over several lines is one. A question or a title is joined to the sentence
    after it: alone it would be similar to a question and answer nothing.
    """
    found: list[str] = []
    for part in filter(None, map(str.strip, _END.split("\n".join(_unwrapped(text))))):
        if found and _announces(found[-1], part):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


def _unwrapped(text: str) -> list[str]:
    """The lines with wrapped ones joined, without horizontal rules."""
    lines = text.splitlines()
    width = max(map(len, lines), default=0)
    found: list[str] = []
    broken = ""  # the line before, if this one may continue it
    for line in lines:
        if _RULE.fullmatch(line):
            broken = ""
            continue
        if broken and _goes_on(broken, line, width):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
        broken = line
    return found


def _goes_on(line: str, other: str, width: int) -> bool:
    """Whether `other` continues the line, judged by its first letter and the line's width."""
    if len(line) < TEXT.wrapped_chars or _ITEM.match(other.lstrip()):
        return False
    if (_FIELD.match(line) and _FIELD.match(other)) or _CODE.search(line) or _CODE.search(other):
        return False
    first = other.split()[0]
    full = len(line) + 1 + len(first) > width and not _ROW.search(line)
    return first[0].islower() or (full and first[0].isalpha())


def _announces(line: str, other: str) -> bool:
    """Whether a line is a question or a title, and `other` is not another one."""
    if line.endswith(("?", "\uff1f")):
        return not other.endswith(("?", "\uff1f"))
    return _is_title(line) and not _is_title(other)


def _is_title(line: str) -> bool:
    return (
        len(line.split()) <= TEXT.title_words
        and line[-1].isalpha()
        and not _ITEM.match(line)
        and not re.search(r"[\d;:,|\t]", line)
    )
