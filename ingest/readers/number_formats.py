"""Numbers as a cell of a spreadsheet shows them, by the number formats of ECMA-376, 18.8.31.

Knows digits, groups, percent, units and signs. Other formats (fractions, exponents, conditions)
leave the number unchanged. A negative number that is told by its colour alone gets a minus. Knows
no dates.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

_TOKEN = re.compile(
    r"""
      "(?P<quoted>[^"]*)"?              # a text
    | \\(?P<escaped>.)                  # a character
    | [_*].                             # room for a character, or one that fills the cell
    | \[\$(?P<currency>[^\]-]*)[^\]]*\] # a currency and its language
    | \[(?P<bracket>[^\]]*)\]           # a colour, or a condition
    | (?P<general>General)
    | (?P<digits>[0\#?.,]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LARGEST = 10**20  # with more digits a number is shown in another form anyhow
_CONDITION = re.compile(r"\[\s*[<>=]")
_COLOUR = re.compile(r"black|blue|cyan|green|magenta|red|white|yellow|color\s?\d+", re.IGNORECASE)
_SECTIONS = re.compile(r'((?:"[^"]*"?|\\.|\[[^\]]*\]|[^;])*)(?:;|$)')
_WORDS_OF_DATES = frozenset("ymdhsYMDHSeE/@")

Token = tuple[str, str]  # "digits" or "text", and it


def shown(value: float, code: str) -> str:
    """The number in this format, rounded half away from zero as spreadsheets do."""
    number = Decimal(plain(value))
    sections = _sections(code or "General")
    tokens = sections[0]
    if number == 0 and len(sections) > 2 and _has_digit(sections[2]):
        tokens = sections[2]
    elif number < 0 and len(sections) > 1:
        tokens = sections[1]
        number = -number if _tells_sign(tokens, sections[0]) else number
    if abs(number) > _LARGEST or not any(kind == "digits" for kind, _ in tokens or ()):
        return plain(value)
    text = _filled(tokens or (), number)
    return text if any(character.isdigit() for character in text) else plain(value)


def plain(value: float) -> str:
    """A number with the fifteen digits that a spreadsheet keeps."""
    return str(value) if isinstance(value, int) else f"{value:.15g}"


@lru_cache(maxsize=1000)
def _sections(code: str) -> tuple[tuple[Token, ...] | None, ...]:
    """The tokens for positive and negative numbers and zero; None for an unknown format."""
    parts = [match[1] for match in _SECTIONS.finditer(code) if match[0]] or [code]
    if any(map(_CONDITION.search, parts)):
        return (None,)
    return tuple(_tokens(part) for part in parts[:3])


def _tokens(section: str) -> tuple[Token, ...] | None:
    """The texts and digit placeholders of one section."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(section):
        kind = match.lastgroup
        if kind == "bracket" and not _COLOUR.fullmatch(match["bracket"]):
            return None
        if kind == "other" and match["other"] in _WORDS_OF_DATES:
            return None
        if kind == "digits" or kind == "general":
            tokens.append(("digits", "General" if kind == "general" else match[0]))
        elif kind == "other" and match["other"] == "%":
            tokens.append(("percent", "%"))
        elif kind and kind != "bracket":
            tokens.append(("text", match[kind]))
    return tuple(tokens)


def _tells_sign(negative: tuple[Token, ...] | None, positive: tuple[Token, ...] | None) -> bool:
    """Whether a number's text tells that it is negative: by a text that a positive one lacks."""
    texts, others = (
        {text.strip() for kind, text in tokens or () if kind == "text"}
        for tokens in (negative, positive)
    )
    return not texts <= others | {""}


def _has_digit(tokens: tuple[Token, ...] | None) -> bool:
    return tokens is not None and any(kind == "digits" and "0" in text for kind, text in tokens)


def _filled(tokens: tuple[Token, ...], number: Decimal) -> str:
    """The tokens with the digits of the number."""
    places = "".join(text for kind, text in tokens if kind == "digits")
    if "General" in places:
        digits = str(int(number)) if number == int(number) else plain(float(number))
        return "".join(digits if kind == "digits" else text for kind, text in tokens).strip()
    number *= 100 ** sum(kind == "percent" for kind, _ in tokens)
    whole_places, _, decimal_places = places.partition(".")
    thousands = len(places.replace(".", "")) - len(places.replace(".", "").rstrip(","))
    number /= 1000**thousands
    whole_places, decimal_places = whole_places.rstrip(","), decimal_places.rstrip(",")
    rounded = abs(number).quantize(Decimal(1).scaleb(-len(decimal_places)), ROUND_HALF_UP)
    whole, _, decimals = f"{rounded:f}".partition(".")
    least = decimal_places.rstrip("#?")
    decimals = decimals.rstrip("0").ljust(len(least), "0")
    whole = whole.rjust(whole_places.count("0"), "0")
    if "," in whole_places:
        whole = f"{int(whole):,}".rjust(len(whole), "0")
    sign = "-" if number < 0 and rounded else ""
    return sign + _placed(tokens, whole, decimals).strip()


def _placed(tokens: tuple[Token, ...], whole: str, decimals: str) -> str:
    """The digits between the texts; the first placeholder takes all remaining ones."""
    pieces: list[str] = []
    last = max(number for number, (kind, _) in enumerate(tokens) if kind == "digits")
    point = next(
        (n for n, (kind, text) in enumerate(tokens) if kind == "digits" and "." in text), last
    )
    first = min(number for number, (kind, _) in enumerate(tokens) if kind == "digits")
    for number in range(len(tokens) - 1, -1, -1):
        kind, text = tokens[number]
        if kind != "digits":
            pieces.append(text)
        elif number > point:
            taken = len(re.sub(r"[^0#?]", "", text))
            pieces.append(decimals[max(0, len(decimals) - taken) :])
            decimals = decimals[: max(0, len(decimals) - taken)]
        else:
            before = text.partition(".")[0] if number == point else text
            taken = len(whole) if number == first else len(re.sub(r"[^0#?]", "", before))
            cut = max(0, len(whole) - taken)
            after = f".{decimals}" if number == point and decimals else ""
            pieces.append(whole[cut:] + after)
            whole = whole[:cut]
    return "".join(reversed(pieces))
