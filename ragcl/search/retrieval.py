"""What is found for a question: candidates, hits and their scores.

Knows no index and no storage.
"""

from dataclasses import dataclass, replace

import numpy as np

from ragcl.catalog.passage import Passage
from ragcl.results import Hit
from ragcl.search.calibration import UNMEASURED, Calibration, Score
from ragcl.search.embedder import Embedder
from ragcl.search.recipe import SEARCH


@dataclass(frozen=True)
class Candidate:
    """A chunk before its text is looked up; its scores are those of a `Hit`."""

    id: int
    score: float
    lexical: float
    fused: float


@dataclass(frozen=True)
class Retrieval:
    """The hits of one question, best first; `vector`, `(dim,) float32`, is its embedding.

    `calibration` maps its cosines to similarities, and `embedder` made the vector; None: it is not
    known. `second` is the second hit if only one is kept; None: it is among the hits, if there is
    one.
    """

    vector: np.ndarray
    hits: tuple[Passage, ...]
    calibration: Calibration = UNMEASURED
    second: Passage | None = None
    embedder: Embedder | None = None

    @property
    def found(self) -> tuple[str, ...]:
        """The content hashes of the hits."""
        return tuple(hit.content_hash for hit in self.hits)

    @property
    def margin(self) -> float:
        """The lead of the first hit over the second in the fused score.

        Negative if a reranker or dates changed the order: then no hit leads.
        """
        following = self.hits[1:2] if self.second is None else (self.second,)
        first, second = (hit[0].fused if hit else -1.0 for hit in (self.hits[:1], following))
        return first - second


def cut(retrieval: Retrieval, k: int) -> Retrieval:
    """The retrieval with its best `k` hits; the second hit is kept for the margin."""
    second = next(iter(retrieval.hits[1:2]), None)
    return replace(retrieval, hits=retrieval.hits[:k], second=second)


def fused(similarity: float, lexical: float) -> float:
    """The fused score of a similarity and a share of matching words in [0, 1]."""
    return similarity + SEARCH.lexical_weight * lexical


def score(similarity: float, lexical: float) -> Score:
    """The fused score, with the part of it that is for words."""
    return Score(fused(similarity, lexical), fused(0.0, lexical))


def similarity(hit: Hit) -> float:
    """The similarity of a hit, whatever embedder was in use when it was found."""
    return hit.fused - SEARCH.lexical_weight * hit.lexical


def scored(passage: Passage, by: Candidate | Passage) -> Passage:
    """The passage with the scores of another one, or of its candidate."""
    return replace(passage, score=by.score, lexical=by.lexical, fused=by.fused)
