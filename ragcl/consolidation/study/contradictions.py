"""Contradictions: another current text that gives a different answer to the same question.

Two texts may use the same words for two subjects ("the north berth is 11 metres deep", "the east
berth is 9 metres deep"), and name the subject in another sentence. So three things are required.
The other sentence with its heading has every word of the question that the answer's sentence with
its heading has. The other passage has every word of the question that the answer's passage has. The
other answer is another number, or other words in nearly the same sentence. Knows no catalog.
"""

import re
from dataclasses import dataclass

from ragcl.catalog.learning import CONTRADICTS
from ragcl.consolidation.recipe import STUDY
from ragcl.generation.narrowing import Sentence
from ragcl.generation.reading import Reader, Reading
from ragcl.search.retrieval import Retrieval
from ragcl.text.answers import compatible
from ragcl.text.numerals import with_digits
from ragcl.text.scripts import spaced
from ragcl.text.words import content_words, stems


@dataclass(frozen=True)
class Contradiction:
    """The answers to one question in two chunks, each with its content hash."""

    question: str
    content_hash: str
    answer: str
    other_hash: str
    other_answer: str
    other_source: str

    def disputes(self, reading: Reading) -> bool:
        """Whether the answer of a reading is one of the two that contradict each other."""
        return any(
            reading.content_hash == key and compatible(reading.answer, answer)
            for key, answer in (
                (self.content_hash, self.answer),
                (self.other_hash, self.other_answer),
            )
        )

    @property
    def reason(self) -> str:
        """Why the fact is not learned. Quotes no text, since reports outlive forgotten texts."""
        return f"{self.other_source}{CONTRADICTS}the two have to be brought into agreement"


def contradiction(reader: Reader, reading: Reading, retrieval: Retrieval) -> Contradiction | None:
    """The contradiction of a reading by another retrieved passage; None if there is none."""
    chunks = {hit.content_hash: hit for hit in retrieval.hits}
    asked = stems(" ".join(content_words(reading.question)))

    def held(sentence: Sentence) -> set[str]:
        return asked & stems(f"{chunks[sentence.content_hash].heading} {sentence.text}")

    own = [
        one
        for one in reading.sentences
        if one.content_hash == reading.content_hash and reading.answer in one.text
    ]
    if not own:
        return None
    needed = held(own[-1])
    subject = asked & stems(chunks[reading.content_hash].headed)
    if len(needed) < max(STUDY.shared_words, STUDY.shared_question * len(asked)):
        return None
    for sentence in reversed(reading.sentences):
        if sentence.content_hash == reading.content_hash or not needed <= held(sentence):
            continue
        if not subject <= stems(chunks[sentence.content_hash].headed):
            continue
        other = reader.read(reading.question, retrieval, [sentence])
        if (
            other is not None
            and other.trust >= STUDY.rival_trust * reading.trust
            and _comparable(own[-1].text, reading.answer, sentence.text, other.answer)
            and not compatible(other.answer, reading.answer)
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


def _comparable(one: str, answer: str, other: str, other_answer: str) -> bool:
    """Whether both answers are numbers, or the sentences are alike apart from the answers.

    The reader extracts words even from a text that does not answer the question: those are no rival
    value.
    """
    numbers = [bool(re.search(r"\d", with_digits(text))) for text in (answer, other_answer)]
    if any(numbers):
        return all(numbers)
    lengths = sorted(len(spaced(text).split()) for text in (answer, other_answer))
    rest = stems(" ".join(content_words(one.replace(answer, " ", 1))))
    other_rest = stems(" ".join(content_words(other.replace(other_answer, " ", 1))))
    shared = len(rest & other_rest)
    needed = max(STUDY.shared_words, STUDY.shared_sentence * len(rest | other_rest))
    return lengths[1] <= STUDY.longer_answer * lengths[0] and shared >= needed
