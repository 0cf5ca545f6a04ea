"""Signs of symbol fonts as characters of Unicode.

These fonts show a sign for a code that means another one, or none, elsewhere: byte B1 of Symbol is
"±". Documents have the codes as they are, or moved to the private area, from U+F000. The signs of
Symbol are those of Unicode's mapping file (VENDORS/ADOBE/symbol.txt). Knows no format of files.
"""

# ruff: noqa: RUF001

import re

from ingest.cleaning import LOST

_GREEK = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλµνοπθρστυϖωξψζ{|}∼"
_SYMBOL = {
    **{code: chr(code) for code in range(0x20, 0x40)},
    **{0x22: "∀", 0x24: "∃", 0x27: "∋", 0x2A: "∗", 0x2D: "−", 0x40: "≅"},
    **dict(enumerate(_GREEK, 0x41)),
    **dict(enumerate("€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…|—↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√·¬∧∨⇔⇐⇑⇒⇓◊", 0xA0)),
    **{0xE2: "®", 0xE3: "©", 0xE4: "™", 0xE5: "∑", 0xF2: "∫"},
}
_FONTS = {
    "symbol": _SYMBOL,
    "wingdings": {
        0x28: "☎", 0x2A: "✉", 0x4A: "☺", 0x4C: "☹", 0x6C: "●", 0x6E: "■", 0x6F: "☐", 0x71: "☐",
        0x72: "☐", 0x78: "☒", 0x9F: "•", 0xA7: "▪", 0xA8: "☐", 0xD8: "➢", 0xDF: "←", 0xE0: "→",
        0xE1: "↑", 0xE2: "↓", 0xE8: "→", 0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
    },
    "wingdings 2": {
        0x2A: "☐", 0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "☐",
    },
    "wingdings 3": {},
    "webdings": {0x61: "✓", 0x63: "☐", 0x72: "✗"},
}  # fmt: skip
_PRIVATE = re.compile("[\ue000-\uf8ff]")


def sign(code: str, font: str) -> str:
    """The sign of a hexadecimal code such as F0B1; U+FFFD if it is not known."""
    if not re.fullmatch("[0-9A-Fa-f]{1,6}", code) or int(code, 16) > 0x10FFFF:
        return LOST
    number = int(code, 16)
    signs = _FONTS.get(font.lower().strip())
    if signs is not None and (number < 0x100 or 0xF000 <= number < 0xF100):
        return signs.get(number & 0xFF, LOST)
    is_unknown = _PRIVATE.match(chr(number)) or number < 0x20 or 0xD800 <= number < 0xE000
    return LOST if is_unknown else chr(number)


def of_font(text: str, font: str) -> str:
    """A text with its codes in the private area as signs; other fonts keep theirs."""
    if font.lower().strip() not in _FONTS:
        return text
    return _PRIVATE.sub(lambda found: sign(f"{ord(found[0]):X}", font), text)
