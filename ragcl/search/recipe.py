"""The recipes of search: every number that was chosen for what is found, and in which order."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchRecipe:
    """How what is near in meaning and what holds the words become one list of hits."""

    pool: int = 100  # candidates of each kind that are fused, or more if more hits are asked for
    spare: int = 10  # further candidates, in the place of near duplicates
    question_words: int = 64  # that are looked up; what follows would cost more than it tells
    lexical_weight: float = 1.2  # of similarity; chosen as benchmarks/retrieval.py says
    # Of the last date, in the scale of the fused score; chosen as benchmarks/freshness.py says.
    newest_weight: float = 0.75
    table_chunks: int = 16  # of a long table, that are looked through before and behind a hit
    reranked: int = 20  # hits that a reranker reads: the right one is hardly ever further down

    # Near duplicates.
    alike: float = 0.5  # share of pairs of words in both passages, of those in either: a version
    shared: float = 0.5  # share of the larger file's chunks that the other holds: a version of it
    shared_chunks: int = 2  # and at least so many: one may be a licence or an address
    repeats: int = 3  # hits of the same words under any headings: more are a site's boilerplate


@dataclass(frozen=True)
class CalibrationRecipe:
    """How what an embedder's cosines mean is measured."""

    min_width: float = 0.01  # of a scale: of an embedder that tells nothing apart it would be 0
    unlike: float = 0.1  # of questions, the share that fits its answer less than is ever needed,
    like: float = 0.01  # unless this share of unrelated pairs is as near, to a weak embedder
    low: float = 0.16  # quantile of a distribution: with the middle it gives place and spread
    growth: int = 2  # times as many chunks, or as few: the best passages are looked for again


SEARCH = SearchRecipe()
CALIBRATING = CalibrationRecipe()
