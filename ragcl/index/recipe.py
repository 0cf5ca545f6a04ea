"""The recipe of the vector index: every number that was chosen."""

from dataclasses import dataclass


@dataclass(frozen=True)
class IndexRecipe:
    """When vectors are kept in inverted lists, how many there are, and how many are probed."""

    # Vectors. Lists are faster at any size, but up to here exact search takes less than 5 ms on one
    # core (benchmarks/index.py measures both) and needs no training.
    exact_up_to: int = 30_000
    regrown: int = 4  # lists are trained again if the index grew or shrank by this factor
    lists: int = 4  # times the square root of the number of vectors; FAISS's guidelines: 4 to 16
    sample: int = 40  # vectors to train on for each list: below 39, FAISS warns
    rounds: int = 8  # of k-means; with more the centroids hardly move
    seed: int = 1
    probed: int = 64  # lists probed for one query: chosen as benchmarks/index.py says
    # Minimum cosine of a vector and its compressed form in an undamaged index; 0.9999 is usual.
    alike: float = 0.99


INDEX = IndexRecipe()
