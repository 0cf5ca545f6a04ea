"""Languages: which one a question is in, and what is said to whoever asked.

The script tells most of them; the others are told by their question words and articles. A question
in a language that `languages.toml` does not have is taken for English. Knows no answer.
"""

import re
import tomllib
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from ragcl.once import once
from ragcl.text.english import English, is_english
from ragcl.text.scripts import CONTINUING, QUESTION_MARKS, spaced, unspaced


@dataclass(frozen=True)
class Language:
    """One language.

    - `asking`: all its question words; `naming`: those that ask for a name, a number, a time or a
      place; `explaining`: those that ask how and why.
    - `quiet`: words that begin like a question word and ask nothing.
    - `joining`: words that join a second question; `beginning`: words that begin a question without
      a question word; `function`: other words without a meaning.
    - `unknown`: the abstention; `politely` and `indirectly`: frames for a question.
    - `letters`: a pattern of its script, if that is not Latin; `strange`: letters of that script
      that other languages have.
    """

    asking: frozenset[str]
    joining: frozenset[str]
    function: frozenset[str]
    unknown: str
    politely: str
    indirectly: str
    beginning: frozenset[str] = frozenset()
    naming: frozenset[str] = frozenset()
    explaining: frozenset[str] = frozenset()
    quiet: frozenset[str] = frozenset()
    letters: str = ""
    strange: str = ""

    @property
    def spaced(self) -> bool:
        """Whether it has spaces between words."""
        return not unspaced(self.unknown)

    @once
    def words(self) -> frozenset[str]:
        """All its words that carry no meaning."""
        return self.asking | self.joining | self.function

    @once
    def asking_plainly(self) -> frozenset[str]:
        """Its question words; in Latin letters also without accents, which many leave out."""
        if self.letters:
            return self.asking
        return self.asking | frozenset(map(_plain, self.asking))


ENGLISH = Language(
    English.WH,
    frozenset({"and", "or"}),
    English.FUNCTION_WORDS,
    "I don't know.",
    "Could you tell me: {}?",
    "I would like to know: {}.",
    English.AUXILIARIES,
)


def _plain(word: str) -> str:
    """The word without accents."""
    letters = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _read() -> dict[str, Language]:
    text = resources.files(__package__).joinpath("languages.toml").read_text("utf-8")
    lists = ("asking", "naming", "explaining", "quiet", "joining", "function")
    found = {}
    for code, some in tomllib.loads(text).items():
        values: dict[str, Any] = {
            name: _listed(said) if name in lists else said for name, said in some.items()
        }
        values["asking"] |= values["naming"] | values["explaining"]
        found[code] = Language(**values)
    return found


def _listed(words: str) -> frozenset[str]:
    return frozenset(word.replace("_", " ") for word in words.split())


LANGUAGES = {"en": ENGLISH, **_read()}  # by ISO 639-1
_WORD = re.compile(rf"[^\W\d_]+(?:[{CONTINUING}]+[^\W\d_]*)*")
# Question words that are English words or parts of names, too: a dove, Lake Como.
_ENGLISH_TOO = frozenset("che chi come como dove que qui was wen wo".split())
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f]+")
_LATIN = [one for one in LANGUAGES.values() if not one.letters]
_OTHERS = [(re.compile(f"[{one.letters}]"), one) for one in LANGUAGES.values() if one.letters]
# Of the languages that are not Latin: no word of another language is among them.
FUNCTION_WORDS = frozenset().union(*(one.words for _, one in _OTHERS))


@lru_cache(maxsize=1024)
def language(question: str) -> Language:
    """The language of a question; English if it is in none of the table."""
    # A Latin name counts as one letter: it may be in a question of any language.
    letters = _LATIN_WORD.sub("a", "".join(_WORD.findall(question)).lower())
    if not letters or is_english(question):
        return ENGLISH
    for script, one in _OTHERS:
        share = len(script.findall(letters)) / len(letters)
        if share > 1 / 3 or (share and one is LANGUAGES["ja"]):
            return ENGLISH if any(letter in letters for letter in one.strange) else one
    return _latin(question)


def _latin(question: str) -> Language:
    """The language in Latin letters of which a question has most words; English if it has few."""
    if "\u00bf" in question or "\u00a1" in question:
        return LANGUAGES["es"]
    words = _WORD.findall(question.lower())
    said = {one: _said(one, words) for one in _LATIN}
    own = Counter(word for some in said.values() for word in some)
    found = max(
        _LATIN,
        key=lambda one: (
            len(said[one] - one.joining),
            not one.asking_plainly.isdisjoint(said[one]),
            sum(own[word] == 1 for word in said[one]),  # that no other language has
        ),
    )
    if len(said[found]) > 1:
        return found
    asking = said[found] & found.asking_plainly
    first = not asking.isdisjoint(words[:1])
    marked = any(mark in question for mark in QUESTION_MARKS)
    sure = (first and marked) if asking & _ENGLISH_TOO else (first or marked)
    return found if asking and sure else ENGLISH


def _said(asked: Language, words: list[str]) -> set[str]:
    """The words of a language that a question has."""
    return {word for word in words if word in asked.words or word in asked.asking_plainly}


def asks_to_explain(question: str) -> bool | None:
    """Whether a question asks how or why (True), or for a name, a number, a time or a place.

    None: its question word does not tell, or it is in English, in which readers are calibrated.
    """
    asked = language(question)
    gap = " " if asked.spaced else ""
    words = _WORD.findall(spaced(question.lower()))
    for place, _ in enumerate(words):
        rest = f"{gap.join(words[place:])}{gap}"
        # The longest tells: "cómo se llama" asks for a name.
        here = (one for one in asked.asking | asked.quiet if rest.startswith(f"{one}{gap}"))
        first = max(here, key=len, default="")
        if first in asked.asking:
            return True if first in asked.explaining else False if first in asked.naming else None
    return None
