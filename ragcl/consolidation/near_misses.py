"""Near misses: what a learned chunk also says and nobody asked about, put as a question.

The weights know nothing of it, yet such a question finds the learned chunk and resembles the
questions that were learned on it: the router has to tell the two apart. They are the words of the
sentences that hold no answer that was taught, as somebody types them into a search box. Knows no
model and no thresholds.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragcl.catalog.documents import StoredChunk
from ragcl.evaluation.metrics import contains
from ragcl.generation.reading import content_words
from ragcl.retrieval.retriever import Retriever
from ragcl.retrieval.sentences import split_sentences

A_CHUNK = 3  # of one chunk at most
MIN_WORDS = 3  # a sentence with fewer asks for nothing


@dataclass(frozen=True)
class NearMiss:
    """A question that nobody taught, and what it retrieves; as in a `Reading`."""

    question: str
    vector: np.ndarray
    found: tuple[str, ...]
    score: float
    margin: float


def near_misses(
    retriever: Retriever,
    chunks: Sequence[StoredChunk],
    taught: Mapping[str, Collection[str]],
    *,
    passages: int,
    seed: int,
) -> list[NearMiss]:
    """Questions about the chunks that were learned, to which the answer was not.

    Args:
        retriever: of the knowledge base as it is now.
        chunks: those that are learned.
        taught: the answers taught, by the content hash of the chunk that they stand in.
        passages: how many are retrieved for a question.
        seed: for the choice among the sentences of a chunk.
    """
    questions: list[str] = []
    for chunk in chunks:
        untaught = [
            " ".join(words)
            for sentence in split_sentences(chunk.text)
            if not any(contains(sentence, [answer]) for answer in taught[chunk.content_hash])
            if len(words := content_words(sentence)) >= MIN_WORDS
        ]
        chance = random.Random(f"{seed} {chunk.content_hash}")
        questions += chance.sample(untaught, min(A_CHUNK, len(untaught)))
    found = retriever.retrieve(questions, passages)
    return [
        NearMiss(
            question, retrieval.vector, retrieval.found, retrieval.hits[0].score, retrieval.margin
        )
        for question, retrieval in zip(questions, found, strict=True)
        if retrieval.hits
    ]
