"""Pooling: one label for a question, from what all questions about the same passage make of it.

A reader that is asked in one wording may take the wrong piece of the text; asked in several, it
gives the right one a share in most (self-consistency, Wang et al. 2022, arXiv 2203.11171). So what
counts is not which answer came first in each, but what every one of them thinks of every candidate.
Knows no catalog and reads nothing.
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
    """The answer that a question is taught, and how sure it is.

    `share` in [0, 1] is that of the answer among all candidates, after pooling; `voices` is how
    many other questions bear it out.
    """

    answer: str
    share: float
    voices: int


def pool(
    readings: Sequence[Reading], vouched: Collection[str] = (), scale: Scale = AS_IS
) -> list[Label]:
    """The label of every reading, pooled with those of the same passage.

    A candidate is worth its share for the question itself, times what this and the related
    questions of the passage think of it together. So a question about something else does no harm:
    what it is sure of has no share here. What users vouch for (the questions in `vouched`) stays.
    `scale` is that of two questions.
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
        heard = [_candidates(readings[i]) for i in members]
        near = _nearness([readings[i] for i in members])
        for row, i in enumerate(members):
            one = readings[i]
            if one.question in vouched:
                labels[i] = Label(one.answer, 1.0, len(members))
                continue
            worth: dict[str, float] = {}
            for text, share in one.candidates:
                said = [_agreeing(near[canonical(text)], others) for others in heard]
                worth[text] = share * float(np.dot(related[row], said))
            best = max(worth, key=lambda text: worth[text], default=one.answer)
            borne_out = near.get(canonical(best), {})
            merged = sum(value for text, value in worth.items() if canonical(text) in borne_out)
            voices = sum(
                related[row, other] > 0 and _agreeing(borne_out, heard[other]) >= STUDY.part / 2
                for other in range(len(members))
                if other != row
            )
            labels[i] = Label(best, merged / (sum(worth.values()) or 1.0), int(voices))
    return [labels[i] for i in range(len(readings))]


def _candidates(reading: Reading) -> dict[str, float]:
    """The candidates of a reading in one way of writing them, with their shares."""
    found: dict[str, float] = {}
    for text, share in reading.candidates:
        key = canonical(text)
        found[key] = found.get(key, 0.0) + share
    return found


def _nearness(readings: Sequence[Reading]) -> dict[str, dict[str, float]]:
    """How much each candidate is borne out by which: by itself, and half by what one holds."""
    texts = {canonical(text): text for one in readings for text, _ in one.candidates}
    return {
        key: {
            other: 1.0 if other == key else STUDY.part
            for other, said in texts.items()
            if other == key or holds(said, text) or holds(text, said)
        }
        for key, text in texts.items()
    }


def _agreeing(borne_out: Mapping[str, float], candidates: Mapping[str, float]) -> float:
    """How much of the shares of some candidates speaks for an answer that is borne out so."""
    return min(1.0, sum(borne_out.get(other, 0.0) * share for other, share in candidates.items()))
