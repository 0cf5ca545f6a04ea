"""Guesses the legacy encoding of bytes from the alphabets of languages.

A short text is too short for statistics, but its letters are those of one language, in plausible
words. Knows alphabets; knows no words, and no Unicode encodings.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

# What else stands in a text of any language.
_MARKS = frozenset(
    "\u2018\u2019\u201a\u201c\u201d\u201e\u2039\u203a\u2013\u2014\u2026\u2022"
    "«»·°§©®™€£¥½¼¾¡¿ªº²³\u00d7\u00a0\u2116"
)
_WESTERN = (
    "àâæçéèêëîïôœùûüÿ",  # French
    "äöüßéà",  # German
    "åäöéü",  # Swedish, Finnish
    "æøåéèòóôü",  # Danish, Norwegian
    "áéíóúüñ",  # Spanish
    "áâãàçéêíóôõúü",  # Portuguese
    "àèéìíîòóùú",  # Italian
    "éëïöüèêáóú",  # Dutch
    "àçèéíïòóúü",  # Catalan
    "áæéíðóöúýþ",  # Icelandic
)
_CENTRAL = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "âăîşţșț",  # Romanian
    "čćđšž",  # Croatian, Slovene, Bosnian
)
_TURKISH = ("çğıöşüâîû\u0307",)  # the last: a part of what is left of a capital İ in lower case
_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")  # Lithuanian, Latvian, Estonian
# In the order of how often they are met.
_LATIN = (
    ("cp1252", _WESTERN),
    ("cp1250", _CENTRAL),
    ("cp1254", _TURKISH),
    ("cp1257", _BALTIC),
    ("cp850", _WESTERN),
    ("mac_roman", _WESTERN),
    ("cp852", _CENTRAL),
)
_JAPANESE = ("cp932", "euc_jp")
# Alphabets of their own: first and last character, the ten letters that are more than half of any
# text, and the encodings.
_ALPHABETS = (
    ("\u0400", "\u04ff", "оеаинтсрвл", ("cp1251", "koi8-r", "cp866", "iso8859-5", "mac_cyrillic")),
    ("\u0370", "\u03ff", "αοιετσνηυρ", ("cp1253", "iso8859-7")),
    ("\u0590", "\u05ff", "יוהלאתרבמש", ("cp1255",)),
    ("\u0600", "\u06ff", "الينموترعب", ("cp1256",)),
)
_LEAST_SHARE = 0.45  # of those ten letters
_WORD = re.compile(r"[^\W\d_]+")
_ASCII = re.compile("[A-Za-z]")
# Signs within a word, a quotation mark that opens after one: what a misread letter looks like.
_MISREAD = re.compile(
    r"[^\W\d_][\u201a\u201e]|[^\W\d_][\u201c\u201d\u2039\u203a\u2022§°©®™€£¥½¼¾¡¿²³\u00d7][^\W\d_]"
)


def guess(data: bytes) -> str | None:
    """The text in an encoding in which it looks like one language; None if there is none."""
    for reading in (latin, _japanese, _in_an_alphabet):
        text = reading(data)
        if text is not None:
            return text
    return None


def is_misread(text: str) -> bool:
    """Whether capitals or signs stand inside words, as in no language."""
    if _MISREAD.search(text):
        return True
    return any(
        not letter.isascii() and letter.isupper() and before.islower()
        for word in _WORD.findall(text)
        for before, letter in pairwise(word)
    )


def _readings(data: bytes, encodings: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Each encoding that can decode the bytes, with the decoded text."""
    for encoding in encodings:
        try:
            yield encoding, data.decode(encoding)
        except UnicodeDecodeError:
            continue


def latin(data: bytes) -> str | None:
    """The text in the first encoding in which its letters are those of one language.

    At most one letter in three has an accent, and no word is made of such letters alone.
    """
    languages = dict(_LATIN)
    for encoding, text in _readings(data, languages):
        accented = {one for one in text if not one.isascii()} - _MARKS
        letters = {part for one in accented for part in one.lower()}
        if not any(letters <= {*alphabet, "i"} for alphabet in languages[encoding]):
            continue
        many = sum(one in accented for one in text) * 3 > sum(map(str.isalpha, text))
        only_marks = not accented and encoding != "cp1252"
        if many or only_marks or is_misread(text):
            continue
        if not any(len(word) > 1 and accented.issuperset(word) for word in _WORD.findall(text)):
            return text
    return None


def _japanese(data: bytes) -> str | None:
    """The text in the encoding with much kana, of which little is half-width."""
    for _, text in _readings(data, _JAPANESE):
        foreign = [one for one in text if not one.isascii()]
        kana = sum("\u3041" <= one <= "\u30fe" for one in foreign)
        half = sum("\uff61" <= one <= "\uff9f" for one in foreign)
        if kana * 4 >= len(foreign) and half * 10 <= len(foreign):
            return text
    return None


def _in_an_alphabet(data: bytes) -> str | None:
    """The text in the encoding that gives the common letters of a language."""
    best, best_share = None, _LEAST_SHARE
    for first, last, common, encodings in _ALPHABETS:
        for _, text in _readings(data, encodings):
            foreign = [one for one in text if not one.isascii()]
            letters = [one for one in foreign if one not in _MARKS]
            if not all(first <= one <= last for one in letters) or is_misread(text):
                continue
            if any(not word.isascii() and _ASCII.search(word) for word in _WORD.findall(text)):
                continue
            bare = unicodedata.normalize("NFD", "".join(letters).lower())
            share = sum(map(bare.count, common)) / max(1, len(foreign))
            # Text in capitals alone is rare; small letters of cp1251 are capitals in koi8-r.
            share *= 0.8 if sum(map(str.isupper, letters)) * 2 > len(letters) else 1
            if share > best_share:
                best, best_share = text, share
    return best
