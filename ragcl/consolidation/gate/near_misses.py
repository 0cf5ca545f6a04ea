"""Near misses: questions to which an answer that was learned seems to belong, and does not.

Such a question retrieves a learned passage and resembles the questions learned about it, but its
own answer was not trained: the router has to tell. Every learned question is one if its own answer
is left out. What the weights would say instead was learned for the nearest question with another
answer: about the same passage, which has something else of the same subject, or about another one,
which may have the same of another subject. So near misses are worded as people word questions, in
any language. Knows no model and no thresholds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragcl.catalog.learning import LearnedQuestion
from ragcl.generation.reading import Reading
from ragcl.text.answers import canonical, compatible


@dataclass(frozen=True)
class NearMiss:
    """A question, and the learned question whose answer it must not be given."""

    question: str
    learned: LearnedQuestion


def near_misses(rows: Sequence[Reading], learned: Sequence[LearnedQuestion]) -> list[NearMiss]:
    """At most two near misses for each fact among the rows.

    Args:
        rows: questions whose answers were learned; the first of each fact is taken.
        learned: the questions of the same adapter; only the answers of proved ones are served.
    """
    facts: dict[tuple[str, str], Reading] = {}
    for row in rows:
        facts.setdefault((row.content_hash, canonical(row.answer)), row)
    served = [one for one in learned if one.proved and one.answer]
    return [NearMiss(row.question, one) for row in facts.values() for one in _nearest(row, served)]


def _nearest(row: Reading, served: Sequence[LearnedQuestion]) -> Iterator[LearnedQuestion]:
    """The nearest questions with another answer: of the row's passage, and of another."""
    other = [one for one in served if not compatible(one.answer, row.answer)]
    for same_passage in (True, False):
        among = [one for one in other if (one.content_hash == row.content_hash) == same_passage]
        if among:
            yield max(among, key=lambda one: float(one.vector @ row.vector))
