"""Holding out: which wordings are trained on, and which are kept back to verify with.

Knows rows and nothing of how they are used.
"""

import math
import random
from collections.abc import Sequence

from ragcl.consolidation.recipe import STUDY
from ragcl.generation.reading import Reading
from ragcl.text.answers import canonical


def hold_out(rows: Sequence[Reading], seed: int) -> tuple[list[Reading], list[Reading]]:
    """Share rows out to train on and to verify with.

    In every chunk, of one in `STUDY.held_out_of` answers that were asked for in more wordings than
    the training needs, one wording is kept for verification.
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
