"""Near misses: questions to which an answer that was learned seems to belong, and does not.

Such a question retrieves a learned passage and resembles the questions learned about it, but its
own answer was not trained: the router has to tell. Every learned question is one if something is
left out. Without its answer, the passage has others, of the same subject. Without its passage, the
next one is found, which may say the same of another subject. So near misses are worded as people
word questions, in any language. Knows no model and no thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragcl.generation.reading import Reading
from ragcl.search.retriever import Retriever
from ragcl.text.answers import canonical


@dataclass(frozen=True)
class NearMiss:
    """A question with its embedding and its own answer, and the passage found for it.

    `passage` is a content hash, and `margin` the lead of that passage over the next one.
    """

    question: str
    vector: np.ndarray
    answer: str
    passage: str
    margin: float


def near_misses(rows: Sequence[Reading], retriever: Retriever, passages: int) -> list[NearMiss]:
    """At most two near misses for each fact among the rows: without its answer, and its passage.

    Args:
        rows: questions whose answers were learned; the first of each fact is taken.
        retriever: of the knowledge base as it is now.
        passages: the number of passages to retrieve for a question.
    """
    facts: dict[tuple[str, str], Reading] = {}
    for row in rows:
        facts.setdefault((row.content_hash, canonical(row.answer)), row)
    questions = [row.question for row in facts.values()]
    found = retriever.retrieve(questions, passages + 1, trusted=True)
    near = []
    for row, retrieval in zip(facts.values(), found, strict=True):
        whole = NearMiss(row.question, row.vector, row.answer, row.content_hash, row.margin)
        near.append(whole)
        hits = tuple(hit for hit in retrieval.hits if hit.content_hash != row.content_hash)
        if hits:
            rest = replace(retrieval, hits=hits, second=None)
            near.append(replace(whole, passage=hits[0].content_hash, margin=rest.margin))
    return near
