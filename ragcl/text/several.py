"""Whether a question asks for several things, so that no single phrase can answer it.

"Which tugs are there, and what is each used for?" A second question word behind an "and" tells it,
in the languages of the table; in all of them a second question mark does. Knows no model.
"""

import re

from ragcl.text.english import English
from ragcl.text.recipe import TEXT
from ragcl.text.scripts import QUESTION_MARKS

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_QUESTION = re.compile(rf"\w[^{QUESTION_MARKS}]*[{QUESTION_MARKS}]")
# By language: words that join, question words, and words that begin a question without one.
_WORDS = tuple(
    (frozenset(joining.split()), frozenset(asking.split()), frozenset(beginning.split()))
    for joining, asking, beginning in (
        ("and or", " ".join(English.WH), " ".join(English.AUXILIARIES)),
        (
            "und oder",
            "wer wen wem was welche welcher welches welchem welchen wo wann wie warum",
            "",
        ),
        ("et ou", "qui que quoi quel quelle quels quelles où quand comment combien pourquoi", ""),
        (
            "y e o",
            "quién quiénes qué cuál cuáles dónde cuándo cómo cuánto cuánta cuántos cuántas",
            "",
        ),
    )
)


def asks_for_several(question: str) -> bool:
    """Whether a question has a second part that asks for something of its own."""
    if len(_QUESTION.findall(question)) > 1:
        return True
    words = _WORD.findall(question.lower())
    return any(_goes_on_asking(words, place) for place in range(1, len(words)))


def _goes_on_asking(words: list[str], place: int) -> bool:
    """Whether the word at a place joins a second question to the one before it."""
    before, behind = set(words[:place]), words[place + 1 :]
    near, first = set(behind[: TEXT.asks_within]), set(behind[:1])
    return any(
        words[place] in joining and asking & before and (asking & near or beginning & first)
        for joining, asking, beginning in _WORDS
    )
