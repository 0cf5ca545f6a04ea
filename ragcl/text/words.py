"""Words: tokenising, stemming and stop words."""

import re

from ragcl.text.languages import FUNCTION_WORDS
from ragcl.text.scripts import CONTINUING, as_ascii, simple, spaced

# A number with its points, or else letters and digits; a version may begin with a v.
_NUMBER = r"(?<![^\W_])v?(\d+(?:[.,:/-]\d+)+)(?![^\W_])"
_PARTS = re.compile(rf"{_NUMBER}|([^\W_]+)")
_MARKED_PARTS = re.compile(rf"{_NUMBER}|([^\W_]+(?:[{CONTINUING}]+[^\W_]*)*)")
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # in the middle of a `camelCase` name
_FUNCTION_WORDS = FUNCTION_WORDS | frozenset(
    "a an the of in on at to is are was were be for and or by with what which who whom whose when "
    "where how many much does do did it its as from that this there".split()
)


def parts(text: str) -> list[str]:
    """The words and numbers of a text in lower case and in order.

    A number keeps its points ("3.12"); a camel-case name ("releaseDate") is split, and so are words
    of a script without spaces. Full-width letters and the digits of any script are those of ASCII.
    """
    if simple(text):
        found = _PARTS.finditer(HUMP.sub(" ", text).lower())
    else:
        found = _MARKED_PARTS.finditer(HUMP.sub(" ", spaced(as_ascii(text))).lower())
    return [one[1] or one[2] for one in found]


def stems(text: str) -> set[str]:
    """Approximate stems for any language: long words lose their last three letters."""
    return {one if one[0].isdigit() else one[: max(4, len(one) - 3)] for one in parts(text)}


def content_words(text: str) -> list[str]:
    """The words of a text without function words, in lower case and in order.

    Function words are those of English, and of languages that no other Latin text has words of.
    """
    return [word for word in parts(text) if word not in _FUNCTION_WORDS]
