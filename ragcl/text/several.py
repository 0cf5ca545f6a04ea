"""Whether a question asks for several things, so that no single phrase can answer it.

"Which tugs are there, and what is each used for?" A second question word behind an "and" tells it,
in the languages known; where no spaces part words, one in a second clause. In any language a
second question mark does. Knows no model.
"""

import re

from ragcl.text.languages import LANGUAGES, Language, language
from ragcl.text.recipe import TEXT
from ragcl.text.scripts import PAUSES, QUESTION_MARKS, simple
from ragcl.text.words import parts

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_QUESTION = re.compile(rf"\w[^{QUESTION_MARKS}]*[{QUESTION_MARKS}]")
_CLAUSE = re.compile(f"[{PAUSES},;:]")
_SPACED = [one for one in LANGUAGES.values() if one.spaced]


def asks_for_several(question: str) -> bool:
    """Whether a question has a second part that asks for something of its own."""
    if len(_QUESTION.findall(question)) > 1:
        return True
    if not simple(question) and not (found := language(question)).spaced:
        clauses = _CLAUSE.split(question)
        return sum(not found.asking.isdisjoint(parts(one)) for one in clauses) > 1
    words = _WORD.findall(question.lower())
    return any(
        _goes_on_asking(words, place, one) for place in range(1, len(words)) for one in _SPACED
    )


def _goes_on_asking(words: list[str], place: int, asked: Language) -> bool:
    """Whether the word at a place joins a second question to the one before it."""
    before, behind = set(words[:place]), words[place + 1 :]
    near, first = set(behind[: TEXT.asks_within]), set(behind[:1])
    return words[place] in asked.joining and bool(
        asked.asking & before and (asked.asking & near or asked.beginning & first)
    )
