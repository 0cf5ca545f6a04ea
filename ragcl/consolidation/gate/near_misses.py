"""Near misses: questions about a learned chunk whose answer was not trained.

Such a question retrieves the learned chunk and resembles the questions trained on it, but the
weights do not know the answer: the router has to tell the two apart. People's near misses keep the
form and the subject of earlier questions. So a near miss is made of a trained question, with most
of its words replaced by those of a sentence of the chunk that holds no trained answer. It makes no
sense, but is as similar to the trained questions as people's are. Knows no model and no thresholds.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragcl.catalog.passage import Passage
from ragcl.consolidation.recipe import GATE
from ragcl.search.retriever import Retriever
from ragcl.text.answers import holds
from ragcl.text.scripts import spaced
from ragcl.text.sentences import split_sentences
from ragcl.text.words import content_words


@dataclass(frozen=True)
class NearMiss:
    """A near-miss question with its embedding and what it retrieves; fields as in `Reading`."""

    question: str
    vector: np.ndarray
    found: tuple[str, ...]
    score: float
    margin: float


def near_misses(
    retriever: Retriever,
    chunks: Sequence[Passage],
    taught: Mapping[str, Mapping[str, str]],
    *,
    passages: int,
    seed: int,
) -> list[NearMiss]:
    """At most `GATE.near_misses` questions for each learned chunk.

    Args:
        retriever: of the knowledge base as it is now.
        chunks: the learned chunks.
        taught: the trained questions with their answers, by the content hash of their chunk.
        passages: the number of passages to retrieve for a question.
        seed: for the choice of sentences and words.
    """
    questions: list[str] = []
    for chunk in chunks:
        learned = taught[chunk.content_hash]
        untaught = [
            words
            for sentence in split_sentences(chunk.text)
            if not any(holds(sentence, answer) for answer in learned.values())
            if len(words := content_words(sentence)) >= GATE.near_miss_words
        ]
        chance = random.Random(f"{seed} {chunk.content_hash}")
        questions += [
            _other_words(chance.choice(sorted(learned)), words, chance)
            for words in chance.sample(untaught, min(GATE.near_misses, len(untaught)))
        ]
    found = retriever.retrieve(questions, passages, trusted=True)
    return [
        NearMiss(
            question, retrieval.vector, retrieval.found, retrieval.hits[0].score, retrieval.margin
        )
        for question, retrieval in zip(questions, found, strict=True)
        if retrieval.hits
    ]


def _other_words(question: str, words: Sequence[str], chance: random.Random) -> str:
    """A question with most of its content words replaced by some of `words`."""
    question = spaced(question).strip()
    carrying = set(content_words(question))
    places = [one for one in re.finditer(r"\w+", question) if one[0].lower() in carrying]
    if not places:  # "What is it?" has no content word to replace
        return " ".join(words)
    count = min(len(words), round(GATE.replaced_words * len(places)))
    replaced = sorted((one.start() for one in chance.sample(places, count)), reverse=True)
    other = dict(zip(replaced, chance.sample(words, count), strict=True))
    return re.sub(r"\w+", lambda one: other.get(one.start(), one[0]), question)
