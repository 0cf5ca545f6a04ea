"""Whether a question asks for several things, so that no single phrase can answer it.

"Which tugs are there, and what is each used for?" A second question word behind an "and" tells it,
in the languages of the table; in all of them a second question mark does. Knows no model.
"""

import re

from ragcl.text.english import English

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_QUESTION = re.compile(r"\w[^?\uff1f\u061f]*[?\uff1f\u061f]")  # the full-width and Arabic marks too
_BETWEEN = 2  # words, before a question word: "and at which", "und bis wann"
_AND_ASKS = tuple(  # by language: words that join, and question words
    (frozenset(joining.split()), frozenset(asking.split()))
    for joining, asking in (
        ("and or", " ".join(English.WH)),
        ("und oder", "wer wen wem was welche welcher welches welchem welchen wo wann warum wie"),
        ("et ou", "qui que quoi quel quelle quels quelles où quand comment combien pourquoi"),
        ("y e o", "quién quiénes qué cuál cuáles dónde cuándo cómo cuánto cuánta cuántos cuántas"),
    )
)


def asks_for_several(question: str) -> bool:
    """Whether a question has a second part that asks for something of its own."""
    if len(_QUESTION.findall(question)) > 1:
        return True
    words = _WORD.findall(question.lower())
    return any(_goes_on_asking(words, place) for place in range(1, len(words)))


def _goes_on_asking(words: list[str], place: int) -> bool:
    """Whether the word at a place joins a second question to what stands before it."""
    before, behind = words[:place], words[place + 1 :]
    for joining, asking in _AND_ASKS:
        if words[place] in joining and not asking.isdisjoint(before):
            if not asking.isdisjoint(behind[:_BETWEEN]):
                return True
            if asking is _AND_ASKS[0][1] and behind[:1] and behind[0] in English.AUXILIARIES:
                return True
    return False
