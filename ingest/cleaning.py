"""Normalise text and flag what must not be learned.

Works on strings only; knows nothing of files, formats or chunks.
"""

import re
import unicodedata

LOST = "\ufffd"  # replaces a character that could not be decoded

INSTRUCTIONS = "instructions"
LOW_QUALITY = "low-quality"
GARBLED = "garbled"

# Joiners shape emoji and Persian or Indic words, so they stay in the text; but they can hide words
# from a pattern, so they are removed before flagging.
_JOINERS = {0x200C: None, 0x200D: None}


def _translation() -> dict[int, str | None]:
    """Code points to drop (None) or to turn into a plain space."""
    table: dict[int, str | None] = {}
    for code in (*range(0x20), *range(0x7F, 0xA0)):
        table[code] = None  # control characters
    del table[ord("\n")], table[ord("\t")]
    for code in (0x0B, 0x0C, 0x85, 0x2028, 0x2029):
        table[code] = " "  # line and page separators that are no "\n"
    for code in range(0xD800, 0xE000):
        table[code] = LOST  # half of a surrogate pair: a character was cut in two
    for code in range(0xFB00, 0xFB07):
        table[code] = unicodedata.normalize("NFKC", chr(code))  # ligatures of fonts: ff, fi, fl
    for code in (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000):
        table[code] = " "  # spaces of other widths
    for code in (
        0xAD,
        0x34F,
        0x61C,
        0x180E,
        0x200B,
        0x200E,
        0x200F,
        0x2060,
        0xFEFF,
        0xFFFE,
        0xFFFF,
    ):
        table[code] = None  # soft hyphen, zero-width space, direction marks, byte order mark
    # Overrides of direction, annotations, tags, and the variants of a glyph (but those of emoji).
    invisible = ((0x202A, 0x202E), (0x2061, 0x206F), (0xFE00, 0xFE0D), (0xFFF9, 0xFFFB))
    for first, last in (*invisible, (0xE0000, 0xE01EF)):
        table.update(dict.fromkeys(range(first, last + 1)))
    return table


_TABLE = _translation()
# Escape sequences, with which a text could change a terminal's colour or title (ECMA-48).
_TERMINAL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[@-Z\\^_c])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# After a Latin letter or its accents, or at the start, a joiner has no effect.
_IDLE_JOINERS = re.compile("(?<![^\x00-\u036f])[\u200c\u200d]+")
# Base64: a picture within a text, or a long run without any other character.
_DATA_URI = re.compile(r"(data:[\w.+-]+/[\w.+-]+(?:;[\w=.-]+)*;base64,)[A-Za-z0-9+/=%_-]{40,}")
_ENCODED = re.compile(r"(?<![\w+/=])[A-Za-z0-9+/_-]{512,}={0,2}")
_LEAST_BYTES = 60  # characters of the shortest `_DATA_URI`


def normalise(text: str) -> str:
    r"""Unicode NFC, `\n` line ends, no invisible characters, no trailing spaces.

    The number of lines never changes, so that line numbers found afterwards are those of the
    file.
    """
    if "\x1b" in text:
        text = _TERMINAL.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)
    text = _IDLE_JOINERS.sub("", text)
    lines = unicodedata.normalize("NFC", text).split("\n")
    return "\n".join(line.rstrip(" \t") for line in lines)


def without_controls(text: str) -> str:
    """The text without what XML does not hold, or a terminal would obey; all else as it is."""
    return _CONTROLS.sub("", _TERMINAL.sub("", text)) if _CONTROLS.search(text) else text


def one_line(text: str) -> str:
    """Normalised text on one line, every white space one space."""
    return " ".join(normalise(text).split())


def without_bytes(text: str) -> str:
    """The text with embedded files (base64) replaced by `…`."""
    if len(text) < _LEAST_BYTES:
        return text
    text = _DATA_URI.sub(r"\1…", text)
    return _ENCODED.sub(lambda run: "…" if _is_mixed(run[0]) else run[0], text)


def _is_mixed(run: str) -> bool:
    """Whether it has letters of both cases and digits, as no word and no sequence has."""
    return all(re.search(kind, run) for kind in ("[a-z]", "[A-Z]", "[0-9]"))


# Prompt injections. Handbooks also say "ignore the previous page" and "you are now ready", so each
# pattern needs an object that only a model has.
_TO_A_MODEL = re.compile(
    r"""
      <\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|begin_of_text
           |start_header_id|end_header_id)\|>
    | <(?:start|end)_of_turn>
    | \[/?INST\] | <</?SYS>>
    | ^[^\w\n]{0,20}(?:system|assistant)(?:\s+(?:message|prompt|override|note))?\s*:\s*
        (?:from\s+now\s+on|you\s+(?:are|must|will|should)|ignore|disregard|forget|reveal
          |do\s+not|never|always|answer|respond|reply|override|new\s+instructions)\b
    | (?<!not\ )(?<!never\ )\b(?:ignore|disregard|forget|override|bypass)\s+
        (?:(?:all|any|every|everything|the|of|your|my|these|those|and)\s+){0,4}
        (?:previous|prior|above|earlier|preceding|foregoing|system)\s+
        (?:(?:and|or|system|safety)\s+)?
        (?:instructions?|prompts?|directives?|messages?|guidelines|guardrails|rules
          |conversation|context|commands?)\b
    | \b(?:ignore|disregard|forget)\s+(?:all\s+(?:of\s+)?)?your\s+
        (?:instructions?|guidelines|rules|training|programming|prompt)\b
    | \b(?:ignore|disregard|forget)\s+(?:everything|all|anything)\s+
        (?:(?:that\s+)?(?:was|is|you\s+were)\s+)?(?:above|before|said|told|so\s+far)\b
    | \b(?:reveal|print|show|repeat|output|leak|disclose|expose)\s+(?:me\s+)?
        (?:(?:the|your|its|full|entire|whole|hidden|secret|complete)\s+){1,3}
        (?:system\s+)?(?:prompt|instructions)\b(?!\s+(?:on|for|manual|to)\b)
    | \byou\s+are\s+now\s+(?:an?\s+|in\s+|the\s+)?(?:unrestricted|unfiltered|jailbroken|evil
        |DAN|developer\s+mode|(?:\w+\s+){0,3}(?:assistant|AI|chatbot|language\s+model|persona))\b
    | \b(?:act|behave|respond|answer)\s+as\s+(?:if\s+you\s+(?:are|were)\s+)?(?:an?\s+|the\s+)?
        (?:unrestricted|unfiltered|jailbroken|DAN|evil)\b
    | \bas\s+an?\s+(?:AI|large)\s+(?:language\s+)?(?:model|assistant),?\s+you\s+(?:must|will|should)
    | \b(?:answer|respond|reply)\s+(?:to\s+)?(?:every|all|any)\s+
        (?:questions?|prompts?|quer(?:y|ies)|messages?|requests?)\s+
        (?:with\s+(?:only\s+)?["'\u201c\u2018]|by\s+saying\b)
    | \bnew\s+(?:system\s+)?instructions?\s*:\s*(?:you|ignore|from\s+now\s+on|answer|reveal)\b
    | \bdo\s+not\s+(?:tell|inform|alert)\s+the\s+user\b
    """,
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_BLOB = re.compile(r"[A-Za-z0-9+/=]{120,}")
_REPEAT = re.compile(r"([^\s|.=_*#~+-])\1{29,}")
# Lost characters: the replacement character, private use (fonts without a mapping to Unicode), a
# glyph's number in a PDF; and UTF-8 read as Windows-1252.
_LOST = re.compile(
    r"[\ufffd\ue000-\uf8ff]|\(cid:\d+\)|[\u00c2\u00c3][\u00a0-\u00bf]|\u00e2\u20ac[^\s\w]"
)
_LOWER_WORD = re.compile(r"\b[a-z]{2,}\b")
_MIN_SOLID = 40  # characters: less is too short to judge


def flags(text: str) -> frozenset[str]:
    """Reasons why this text may be retrieved but must not be learned.

    `instructions`: it addresses a language model. `garbled`: characters were lost in decoding, or
    it is in no language. `low-quality`: it has hardly any words.
    """
    plain = text.translate(_TABLE).translate(_JOINERS)
    found = set()
    if _TO_A_MODEL.search(unicodedata.normalize("NFKC", plain)):
        found.add(INSTRUCTIONS)
    if _low_quality(plain):
        found.add(LOW_QUALITY)
    if _garbled(plain):
        found.add(GARBLED)
    return frozenset(found)


def _low_quality(text: str) -> bool:
    """Whether it is mostly signs, bare numbers, one repeated character, or encoded bytes."""
    solid = "".join(text.split())
    if len(solid) < _MIN_SOLID:
        return False
    # Digits count as letters: a table of figures is knowledge, if something names them.
    words = sum(character.isalnum() for character in solid)
    if sum(character.isalpha() for character in solid) < 0.05 * len(solid):
        return True
    noise = sum(len(match[0]) for match in _BLOB.finditer(text))
    noise += sum(len(match[0]) for match in _REPEAT.finditer(text))
    return words < 0.4 * len(solid) or noise > 0.5 * len(solid)


def _garbled(text: str) -> bool:
    """Whether over 2 % of the characters are lost, or it is Latin prose with too few vowels."""
    solid = "".join(text.split())
    if len(solid) < _MIN_SOLID:
        return False
    if sum(len(match[0]) for match in _LOST.finditer(solid)) > 0.02 * len(solid):
        return True
    letters = "".join(_LOWER_WORD.findall(text))
    vowels = sum(letter in "aeiouy" for letter in letters)
    return len(letters) > 0.85 * len(solid) and vowels < 0.2 * len(letters)
