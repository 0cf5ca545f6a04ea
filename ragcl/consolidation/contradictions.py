"""Contradictions: another current text that answers a question as well, and differently.

Two texts may say the same words of two things ("the north berth is 11 metres deep", "the east berth
is 9 metres deep"): so the other text must hold every word of the question that the first holds, in
its sentence or its heading, and give an answer of the same kind. Knows no catalog.
"""

import re
from dataclasses import dataclass

from ragcl.evaluation.metrics import agree
from ragcl.generation.reading import Reader, Reading, Sentence, content_words, stems
from ragcl.retrieval.retriever import Retrieval

MIN_WORDS = 2  # of a question that both hold: one tells too little of what is asked about
MIN_SHARE = 0.5  # and this share of the question's words


@dataclass(frozen=True)
class Contradiction:
    """The answers to one question in two chunks, each with its content hash."""

    question: str
    content_hash: str
    answer: str
    other_hash: str
    other_answer: str
    other_source: str

    @property
    def hashes(self) -> tuple[str, str]:
        """The content hashes of both chunks."""
        return self.content_hash, self.other_hash

    @property
    def reason(self) -> str:
        """Why the first chunk is not learned; quotes nothing, since reports outlive texts."""
        return f"{self.other_source} contradicts it: the two have to be brought into agreement"


def contradiction(reader: Reader, reading: Reading, retrieval: Retrieval) -> Contradiction | None:
    """What else of the retrieved text contradicts a reading of it, if anything does."""
    chunks = {hit.chunk.content_hash: hit.chunk for hit in retrieval.hits}
    asked = stems(" ".join(content_words(reading.question)))

    def held(sentence: Sentence) -> set[str]:
        return asked & stems(f"{chunks[sentence.content_hash].heading} {sentence.text}")

    own = [
        held(one)
        for one in reading.sentences
        if one.content_hash == reading.content_hash and reading.answer in one.text
    ]
    if not own or len(own[-1]) < max(MIN_WORDS, MIN_SHARE * len(asked)):
        return None
    for sentence in reversed(reading.sentences):
        if sentence.content_hash == reading.content_hash or not own[-1] <= held(sentence):
            continue
        other = reader.read(reading.question, retrieval, [sentence])
        if (
            other is not None
            and other.trust >= reading.trust / 2
            and _same_kind(other.answer, reading.answer)
            and not agree(other.answer, reading.answer)
        ):
            return Contradiction(
                reading.question,
                reading.content_hash,
                reading.answer,
                other.content_hash,
                other.answer,
                chunks[other.content_hash].source,
            )
    return None


def _same_kind(one: str, other: str) -> bool:
    """Whether both hold a number or neither does."""
    return bool(re.search(r"\d", one)) == bool(re.search(r"\d", other))
