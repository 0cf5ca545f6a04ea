"""The held-out split: which wordings are trained on, and which are kept for verification.

Knows nothing of how either is used.
"""

import math
import random
from collections.abc import Sequence

from ragcl.consolidation.recipe import STUDY
from ragcl.generation.reading import Reading
from ragcl.text.answers import canonical


def hold_out(rows: Sequence[Reading], seed: int) -> tuple[list[Reading], list[Reading]]:
    """Split rows into those to train on and those held out.

    Only answers with more than `STUDY.min_wordings` wordings can spare one. In every chunk, one in
    `STUDY.held_out_of` of these answers (rounded up) gives one wording to the held-out split.
    """
    chunks: dict[str, dict[str, list[Reading]]] = {}
    for row in sorted(rows, key=lambda row: row.question):
        answers = chunks.setdefault(row.content_hash, {})
        answers.setdefault(canonical(row.answer), []).append(row)
    held_out = []
    for key in sorted(chunks):
        chance = random.Random(f"{seed} {key}")
        spare = [
            chunks[key][answer]
            for answer in sorted(chunks[key])
            if len(chunks[key][answer]) > STUDY.min_wordings
        ]
        for group in chance.sample(spare, math.ceil(len(spare) / STUDY.held_out_of)):
            held_out.append(chance.choice(group))
    kept_back = {row.question for row in held_out}
    return [row for row in rows if row.question not in kept_back], held_out
