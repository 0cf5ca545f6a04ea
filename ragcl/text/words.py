"""Words: which of them carry meaning, and which are forms of one. Knows no text as a whole."""

import re

# A number with its points, or else letters and digits; a version may begin with a v.
_PARTS = re.compile(r"(?<![^\W_])v?(\d+(?:[.,:/-]\d+)+)(?![^\W_])|([^\W_]+)")
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # in the middle of a `camelCase` name
_FUNCTION_WORDS = frozenset(
    "a an the of in on at to is are was were be for and or by with what which who whom whose when "
    "where how many much does do did it its as from that this there".split()
)


def parts(text: str) -> list[str]:
    """The words and numbers of a text in lower case and in their order.

    A number is one with its points ("3.12"); a name of several words ("releaseDate") is these.
    """
    found = _PARTS.finditer(HUMP.sub(" ", text).lower())
    return [one[1] or one[2] for one in found]


def stems(text: str) -> set[str]:
    """Words without their endings, in any language near enough: long ones lose three letters."""
    return {one if one[0].isdigit() else one[: max(4, len(one) - 3)] for one in parts(text)}


def content_words(text: str) -> list[str]:
    """The words of a text that carry meaning, in lower case and in their order."""
    return [word for word in parts(text) if word not in _FUNCTION_WORDS]
