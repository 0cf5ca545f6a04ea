"""Languages: which one a question is in, and what is said to whoever asked.

The script tells most of them; the others are told by their question words and articles. A question
in a language that `languages.toml` does not have is taken for English. Knows no answer.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from ragcl.once import once
from ragcl.text.english import English, is_english
from ragcl.text.scripts import CONTINUING, unspaced


@dataclass(frozen=True)
class Language:
    """One language.

    - `asking`: all its question words; `naming`: those that ask for a name, a number, a time or a
      place; `explaining`: those that ask how and why.
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


ENGLISH = Language(
    English.WH,
    frozenset({"and", "or"}),
    English.FUNCTION_WORDS,
    "I don't know.",
    "Could you tell me: {}?",
    "I would like to know: {}.",
    English.AUXILIARIES,
)


def _read() -> dict[str, Language]:
    text = resources.files(__package__).joinpath("languages.toml").read_text("utf-8")
    lists = ("asking", "naming", "explaining", "joining", "function")
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
    words = _WORD.findall(question.lower())
    found = max(_LATIN, key=lambda one: sum(word in one.words for word in words))
    said = [word for word in words if word in found.words]
    return found if len(said) > 1 or found.asking.intersection(said) else ENGLISH


def asks_to_explain(question: str) -> bool | None:
    """Whether a question asks how or why (True), or for a name, a number, a time or a place.

    None: its question word does not tell, or it is in English, in which readers are calibrated.
    """
    asked = language(question)
    text = question
    if asked.spaced:  # elsewhere a question word is found within what stands around it
        text = f" {' '.join(_WORD.findall(question.lower()))} "
    longest = {}
    for explains, words in ((True, asked.explaining), (False, asked.naming)):
        found = [word for word in words if (f" {word} " if asked.spaced else word) in text]
        longest[explains] = max(map(len, found), default=0)
    # The longest tells: "cómo se llama" asks for a name.
    return longest[True] >= longest[False] if any(longest.values()) else None
