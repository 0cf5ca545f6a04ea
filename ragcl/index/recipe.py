"""The recipe of the index: every number that was chosen for where vectors are looked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class IndexRecipe:
    """When vectors are kept in lists, in how many, and how many of these a search looks through."""

    # Vectors. Lists are faster at any size, but up to here a look at every vector takes less than
    # 5 ms on one core (benchmarks/index.py measures both), is exact and needs no training.
    exact_up_to: int = 30_000
    regrown: int = 4  # times larger or smaller than when its lists were made: they are made again
    lists: int = 4  # times the root of the number of vectors: FAISS's guidelines say 4 to 16
    sample: int = 40  # vectors to train on for each list: below 39, FAISS warns
    rounds: int = 8  # of k-means; more move the centroids hardly any more
    seed: int = 1
    probed: int = 64  # lists looked through for one query: chosen as benchmarks/index.py says
    # Cosine of a vector with what compression made of it, at the least, for an index to be sound;
    # 0.9999 is usual.
    alike: float = 0.99


INDEX = IndexRecipe()
