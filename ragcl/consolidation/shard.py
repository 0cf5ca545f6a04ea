"""A shard of the active set during a round: an adapter from its chunks to its verdict.

Knows no stage; each of them fills in its part.
"""

from dataclasses import dataclass, field

import numpy as np

from ragcl.consolidation.gate.verification import Verdict
from ragcl.generation.reading import Reading


@dataclass
class Shard:
    """The state of one adapter in a round.

    - `chunks`: the content hashes of what it learns; `vectors`: their embeddings, `(dim,)`.
    - `trained`, `held_out`: the rows to train on, and those to verify with.
    - `adapter`: its name, with the digest of the training data; `verdict`: None before the gate.
    """

    name: str
    chunks: tuple[str, ...]
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    trained: list[Reading] = field(default_factory=list)
    held_out: list[Reading] = field(default_factory=list)
    adapter: str = ""
    verdict: Verdict | None = None
