"""Scripts: letters, marks and digits of any script, and words where no spaces separate them.

Chinese, Japanese, Thai, Lao, Burmese and Khmer are segmented by ICU, with its dictionaries. It is
imported with the first such text: 16 MB to download, 43 MB on disk, 7 MB in memory, 0.05 s; then
some 25 us and 2 us a character. Knows no language.
"""

import re
import sys
import unicodedata
from functools import lru_cache

from ragcl.text.recipe import TEXT

# Marks above, below and around letters, which Python counts as no letters.
MARKS = "".join(c for c in map(chr, range(0x300, 0xAC00)) if unicodedata.category(c)[0] == "M")
# Scripts without spaces: Chinese, Japanese, Thai, Lao, Burmese, Khmer
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
# What continues a word: marks, and the joiners of Persian and Indic words.
CONTINUING = f"{MARKS}\u200c\u200d"
# Sentence_Terminal in Unicode beyond ASCII, and the Tibetan shad. No number has one within.
STOPS = (
    "\u0589\u061d\u061e\u061f\u06d4\u0700\u0701\u0702\u07f9\u0837\u0839\u083d\u083e\u0964\u0965"
    "\u0f0d\u0f0e\u104b\u1362\u1367\u1368\u166e\u1735\u1736\u17d4\u17d5\u1803\u1809\u1944\u1945"
    "\u1aa8\u1aa9\u1aaa\u1aab\u1b5a\u1b5b\u1b5e\u1b5f\u1b7d\u1b7e\u1c3b\u1c3c\u1c7e\u1c7f\u203c"
    "\u203d\u2047\u2048\u2049\u3002\ua4ff\ua60e\ua60f\ua6f3\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f"
    "\ua9c8\ua9c9\uaa5d\uaa5e\uaa5f\uaaf0\uaaf1\uabeb\uff01\uff1f\uff61"
)
# Commas, semicolons and colons of Arabic, Burmese, Ethiopic, Chinese and Japanese.
PAUSES = "\u060c\u061b\u104a\u1361\u1363\u1364\u1365\u1366\u3001\uff0c\uff1a\uff1b\uff64"
QUESTION_MARKS = "?\u061f\u1367\u1945\u2047\u2048\ua60f\ua6f7\uff1f"
# Of Chinese and Japanese, in pairs.
BRACKETS = (
    "\u3008\u3009\u300a\u300b\u300c\u300d\u300e\u300f\u3010\u3011\u3014\u3015"
    "\uff08\uff09\uff3b\uff3d\uff62\uff63"
)
CLOSING = f"\u00bb\u2019\u201d\u203a{BRACKETS[1::2]}"
# Bullets, circled numbers, and the numbers of Chinese lists: what begins an item, beside ASCII.
ITEM_MARK = (
    "(?:[\u00b7\u2022\u2023\u2043\u2219\u25a0-\u25ff\u2756\u27a2\u30fb\uff65]"
    "|[\u2460-\u249b\u24ea-\u24ff\u2776-\u2793\u3220-\u3247\u3280-\u32b0]"
    "|[(\uff08]?(?:[\u3007\u96f6\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341\u767e]{1,4}[)\uff09\u3001\uff0e]|\\d{1,3}[\uff09\u3001\uff0e])"
    "|\u7b2c[\\d\u3007\u96f6\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341\u767e]{1,5}[\u6761\u689d\u6b3e\u9805])"
)
_CONTINUING = frozenset(CONTINUING)

_RUN = re.compile(rf"[{UNSPACED}](?:[{UNSPACED}{CONTINUING}]*[{UNSPACED}{MARKS}])?")
_START = re.compile(rf"(?<![\w{CONTINUING}])\w")
_LETTER = re.compile(r"\w")
# What changes the meaning of a word and stands before it: of a number sign, comparison, tolerance
# and currency; of others as in "--all", "#news", "@me", "/etc" and ".NET".
_FREE = r"(?<![^\s(\[\"':;,|\u00ab\u201c\u201e])"
_ADDRESS = "[#@/.]"
_OF_NUMBERS = re.compile(
    rf"{_FREE}(?:[-+<>~\u00b1\u2212\u2248\u2264\u2265]{{0,2}}[$\u00a2-\u00a5\u20a0-\u20cf]?|{_ADDRESS})"
)
_OF_WORDS = re.compile(rf"{_FREE}(?:--|{_ADDRESS})")
# Full-width letters and signs, and the digits of all scripts, which stand for those of ASCII.
_AS_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    code: ord(str(unicodedata.decimal(chr(code))))
    for code in range(0x80, sys.maxunicode + 1)
    if chr(code).isdecimal()
}
# Latin, Greek and Cyrillic letters, and signs: of these, nothing here is needed.
_SIMPLE = re.compile(
    "[\x00-\u02ff\u0370-\u0482\u048a-\u058f\u2000-\u200b\u200e-\u20cf\u2100-\u2bff\U0001f000-\U0001faff]*"
)


def simple(text: str) -> bool:
    """Whether a text has spaces between words, no marks, and digits and letters as in ASCII."""
    return text.isascii() or _SIMPLE.fullmatch(text) is not None


def as_ascii(text: str) -> str:
    """The text with full-width letters and the digits of any script as ASCII; as long as it was."""
    return text.translate(_AS_ASCII)


def spaced(text: str) -> str:
    """The text with spaces around the words of scripts that have none."""
    return _RUN.sub(lambda run: f" {' '.join(_segments(run[0]))} ", text)


def unspaced(text: str) -> bool:
    """Whether some of a text is in a script without spaces."""
    return not text.isascii() and _RUN.search(text) is not None


def starts(text: str) -> list[int]:
    """Where words begin, in order."""
    found = {one.start() for one in _START.finditer(text)}
    return sorted(found | {at for at in breaks(text) if _LETTER.match(text, at)})


def with_sign(text: str, at: int) -> int:
    """Where the word that begins at a place of a text begins with its sign: -5, $5, <5, .NET."""
    signs = _OF_NUMBERS if text[at].isdigit() else _OF_WORDS
    places = range(max(0, at - TEXT.sign_chars), at)
    return next((place for place in places if signs.fullmatch(text, place, at)), at)


def within(text: str, at: int) -> bool:
    """Whether a word goes on at a place of a text."""
    here = text[at : at + 1]
    return (here.isalnum() or here in _CONTINUING) and at not in breaks(text)


@lru_cache(maxsize=4096)
def breaks(text: str) -> frozenset[int]:
    """Where words of scripts without spaces begin and end."""
    if simple(text):
        return frozenset()
    found = set()
    for run in _RUN.finditer(text):
        at = run.start()
        found.add(at)
        for word in _segments(run[0]):
            at += len(word)
            found.add(at)
    return frozenset(found)


@lru_cache(maxsize=16384)
def _segments(run: str) -> tuple[str, ...]:
    from icu4py.breakers import WordBreaker

    return tuple(WordBreaker(run, "und"))
