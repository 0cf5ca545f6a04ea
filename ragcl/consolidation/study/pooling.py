"""Pooled votes: the label of a question, from the candidates of all questions about its passage.

For one wording the reader may rank a wrong span first; over several wordings the right span has a
share of the probability in most (self-consistency, Wang et al. 2022, arXiv 2203.11171). So the vote
sums the shares of every candidate over the wordings, and not only the first of each.
Knows no catalog and runs no model.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragcl.consolidation.recipe import STUDY
from ragcl.generation.reading import Reading
from ragcl.search.calibration import AS_IS, Scale
from ragcl.text.answers import canonical, holds


@dataclass(frozen=True)
class Label:
    """The answer that is trained for a question.

    `share` in [0, 1] is its share among all candidates after pooling. `supporters` counts the other
    questions whose candidates support it.
    """

    answer: str
    share: float
    supporters: int


def pool(
    readings: Sequence[Reading], vouched: Collection[str] = (), scale: Scale = AS_IS
) -> list[Label]:
    """The label of every reading, pooled with those of the same passage.

    The weight of a candidate is its share for the question itself, times the summed support of this
    and the related questions of the passage. So a question about something else does no harm: its
    answer has no share here. The answers of the questions in `vouched` are kept as they are.
    `scale` calibrates the similarity of two questions.
    """
    of_chunk = defaultdict[str, list[int]](list)
    for i, one in enumerate(readings):
        of_chunk[one.content_hash].append(i)
    labels: dict[int, Label] = {}
    for members in of_chunk.values():
        vectors = np.stack([readings[i].vector for i in members])
        above = scale(vectors @ vectors.T) - STUDY.related
        related = np.clip(above / (STUDY.probably_same - STUDY.related), 0.0, 1.0)
        np.fill_diagonal(related, 1.0)
        shares = [_candidates(readings[i]) for i in members]
        overlaps = _overlaps([readings[i] for i in members])
        for row, i in enumerate(members):
            one = readings[i]
            if one.question in vouched:
                labels[i] = Label(one.answer, 1.0, len(members))
                continue
            votes: dict[str, float] = {}
            for text, share in one.candidates:
                support = [_support(overlaps[canonical(text)], others) for others in shares]
                votes[text] = share * float(np.dot(related[row], support))
            best = max(votes, key=lambda text: votes[text], default=one.answer)
            overlap = overlaps.get(canonical(best), {})
            merged = sum(value for text, value in votes.items() if canonical(text) in overlap)
            supporters = sum(
                related[row, other] > 0 and _support(overlap, shares[other]) >= STUDY.part / 2
                for other in range(len(members))
                if other != row
            )
            labels[i] = Label(best, merged / (sum(votes.values()) or 1.0), int(supporters))
    return [labels[i] for i in range(len(readings))]


def _candidates(reading: Reading) -> dict[str, float]:
    """The shares of a reading's candidates, by canonical form."""
    found: dict[str, float] = {}
    for text, share in reading.candidates:
        key = canonical(text)
        found[key] = found.get(key, 0.0) + share
    return found


def _overlaps(readings: Sequence[Reading]) -> dict[str, dict[str, float]]:
    """How much each candidate supports which: itself fully, in part one that it holds or is in."""
    texts = {canonical(text): text for one in readings for text, _ in one.candidates}
    return {
        key: {
            other: 1.0 if other == key else STUDY.part
            for other, other_text in texts.items()
            if other == key or holds(other_text, text) or holds(text, other_text)
        }
        for key, text in texts.items()
    }


def _support(overlap: Mapping[str, float], candidates: Mapping[str, float]) -> float:
    """The part of a question's candidate shares that supports an answer with these overlaps."""
    return min(1.0, sum(overlap.get(other, 0.0) * share for other, share in candidates.items()))
