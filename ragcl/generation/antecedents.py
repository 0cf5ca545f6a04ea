"""Anaphors in a question, and their possible antecedents in earlier turns.

Knows no candidates and no model.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ragcl.generation.recipe import CONVERSATION
from ragcl.text.english import English, Phrase, Word, phrases, words


@dataclass(frozen=True)
class Turn:
    """A self-contained question, and its answer (empty for an abstention)."""

    question: str
    answer: str


def anaphors(text: str) -> Iterator[tuple[int, int, str]]:
    """The anaphors of a text: start, end and the pronoun."""
    quiet = [(one.start(), one.end()) for one in English.EXPLETIVE.finditer(text)]
    found = words(text)
    for i, word in enumerate(found):
        if any(start <= word.start < end for start, end in quiet):
            continue
        before = found[i - 1].low if i else ""
        after = found[i + 1].low if i + 1 < len(found) else ""
        if word.low in ("one", "ones"):
            if i and (not after or after in English.STOPS - {"of"}) and before not in ("by", "any"):
                yield word.start, word.end, word.low
            continue
        if word.low not in English.PRONOUNS or is_bound(text, found, i):
            continue
        if word.low in English.DEMONSTRATIVES:
            noun = after and after not in English.STOPS | English.DETERMINERS
            loose = not before or before in English.STOPS - English.OTHERS
            if noun and loose:  # "that berth"
                yield word.start, found[i + 1].end, word.low
            elif loose and not (noun or after in English.DETERMINERS):
                yield word.start, word.end, word.low
            continue
        yield word.start, word.end, word.low


def is_bound(text: str, found: Sequence[Word], i: int) -> bool:
    """Whether a pronoun may refer to a phrase in an earlier clause of its own sentence."""
    pronoun = found[i].low
    ends = [one.end for one in phrases(text[: found[i].start]) if may_be(one, pronoun)]
    if pronoun in English.PRONOUNS - English.IT - {"its", "there"}:
        ends += [word.end for word in found[:i] if word.low in ("who", "anyone", "somebody")]
    if not ends:
        return False
    after = text[min(ends) : found[i].start]
    between = {word.low for word in words(after)}
    clause = between & (English.CONJUNCTIONS | English.WH | {"before", "after", "that"})
    return "," in after or bool(clause)


def entities(turns: Sequence[Turn]) -> list[Phrase]:
    """The possible antecedents in all turns, the latest turn first."""
    found: dict[str, Phrase] = {}
    for age, turn in enumerate(reversed(turns)):
        who = re.match(r"(?:by |to |from )?who", turn.question.lower()) is not None
        for i, one in enumerate(phrases(turn.answer[: CONVERSATION.answer_chars])):
            name = one.text.split()[-1][0].isupper()
            named = replace(one, person=one.person or (who and i == 0), prior=-1.0 + name)
            found.setdefault(one.text, _aged(named, age))
        for one in phrases(turn.question, who):
            found.setdefault(one.text, _aged(one, age))
    return [one for one in found.values() if not one.text[0].isdigit()]


def _aged(phrase: Phrase, age: int) -> Phrase:
    """A phrase made definite, with a lower prior for each turn since."""
    text = re.sub(r"^(?:an?|any|every|each) ", "the ", phrase.text, flags=re.IGNORECASE)
    return replace(phrase, text=text, prior=phrase.prior - 0.7 * age)


def may_be(phrase: Phrase, pronoun: str) -> bool:
    """Whether phrase and pronoun agree in number and kind."""
    bare = re.sub(r"^the ", "", phrase.text, flags=re.IGNORECASE)
    name = bare[0].isupper() and " " in bare
    if pronoun in English.HE | English.HIS:
        return phrase.person or (name and not phrase.text.startswith("The "))
    if pronoun in English.THEY | {"their"}:
        return phrase.plural or name
    return not phrase.person and not phrase.plural
