"""The recipes of search: every number that was chosen for retrieval and ranking."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchRecipe:
    """How dense and lexical candidates become one list of hits."""

    pool: int = 100  # candidates of each kind that are fused, or more if more hits are asked for
    spare: int = 10  # further candidates, to replace near duplicates
    question_words: int = 64  # words of a question that are looked up
    lexical_weight: float = 1.2  # relative to similarity; chosen as benchmarks/retrieval.py says
    # Added for the last date, in the scale of the fused score; chosen as benchmarks/freshness.py
    # says.
    newest_weight: float = 0.75
    table_chunks: int = 32  # chunks of a long table searched before and after a hit
    reranked: int = 20  # hits that a reranker scores: the right one is hardly ever further down

    # Near duplicates.
    alike: float = 0.5  # Jaccard index of the word bigrams of two versions of a passage
    shared: float = 0.5  # share of the larger file's chunks that its other version holds
    shared_chunks: int = 2  # and at least so many: one may be a licence or an address
    repeats: int = 3  # hits with the same words under any headings; more are a site's boilerplate


@dataclass(frozen=True)
class CalibrationRecipe:
    """How the cosines of an embedder are calibrated."""

    min_width: float = 0.01  # of a scale, against division by 0 with a useless embedder
    # The relevance threshold asks at most for the similarity that all but this share of questions
    # have with their passage, or, if that is higher, the similarity that at most this share of
    # unrelated pairs exceeds.
    unlike: float = 0.1
    like: float = 0.01
    low: float = 0.16  # quantile that gives a distribution's spread, together with the median
    growth: int = 2  # measured again when the number of chunks grew or shrank by this factor


SEARCH = SearchRecipe()
CALIBRATING = CalibrationRecipe()
