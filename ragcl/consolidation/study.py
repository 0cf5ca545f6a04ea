"""Study: hot chunks to training rows, with the frozen base model reading the source as teacher.

Or a larger teacher reads, where the settings name one: its answer counts where the source says it.

Every question is retrieved for again, from the index as it is now. One whose answer stands in the
same sentence, with nothing new nearer to the question, has been read already, and the reading was
kept; the others are read, with all adapters off. An answer is a span of the source, so it is
supported by construction; one that the teacher itself doubts is dropped, and so is one that only
its own question gives. Where questions that ask the same read an answer at different lengths, the
usual one is taught. An answer that a user corrected or praised is taken as it is, where the source
says it. A larger teacher also writes questions about the hot chunks, which are kept with what was
read for them. Trains nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ragcl.catalog import Catalog
from ragcl.consolidation.contradictions import Contradiction, contradiction
from ragcl.consolidation.teacher import Asked, Teacher
from ragcl.evaluation.metrics import agree, contains, normalise
from ragcl.generation.reading import Reader, Reading, Sentence
from ragcl.retrieval.retriever import Retrieval, Retriever

MIN_TRUST = 0.25  # below it an answer is too doubtful to be learned
RELATED = 0.3  # cosine of two questions that may ask the same; of wordings of one fact 97 % have it
SIMILAR = 0.5  # and that probably do
GROUP = 32  # questions read before their rows are stored: what a killed round loses at most


class Studier:
    """Reads the questions of hot chunks and keeps what was read in the catalog."""

    def __init__(
        self,
        catalog: Catalog,
        retriever: Retriever,
        reader: Reader,
        *,
        passages: int,
        larger: Teacher | None = None,
    ) -> None:
        self._catalog = catalog
        self._retriever = retriever
        self._reader = reader
        self._passages = passages
        self._larger = larger

    @property
    def teacher(self) -> str:
        """Who reads, and in which way."""
        own = self._reader.teacher
        return own if self._larger is None else f"{self._larger.name}, {own}"

    def study(
        self,
        questions: Sequence[str],
        chunks: Collection[str],
        vouched: Mapping[str, str],
        progress: Callable[[int], None],
        written: Mapping[str, str],
    ) -> tuple[list[Reading], list[Contradiction]]:
        """The readings of those questions whose answer stands in one of `chunks`.

        A chunk that another text contradicts gives none, and the contradiction is told. Where users
        vouch for an answer, that is what is read, and readings of similar questions about the same
        chunk that contradict it are left out. Text that must not be learned is not shown to the
        teacher. A question in `written` counts only if its answer stands in the chunk that it was
        written about, which is given with it: it quotes that text, and has to go with it.
        """
        kept = self._catalog.learning.study(chunks, self.teacher)
        readings: list[Reading] = []
        found: dict[str, Contradiction] = {}
        for start in range(0, len(questions), GROUP):
            group = questions[start : start + GROUP]
            retrievals = [
                replace(one, hits=tuple(hit for hit in one.hits if not hit.chunk.flags))
                for one in self._retriever.retrieve(group, self._passages)
            ]
            narrowed = self._reader.narrow(group, retrievals)
            before = {one: Reading.from_json(kept[one]) for one in group if one in kept}
            learnable = self._catalog.documents.learnable_hashes(
                {shown.content_hash for one in before.values() for shown in one.sentences}
            )
            read_before = {
                # What is farther from the question may have changed, or stand in other chunks.
                question: replace(
                    before[question],
                    sentences=tuple(sentences),
                    found=retrieval.found,
                    score=retrieval.hits[0].score,
                    margin=retrieval.margin,
                )
                for question, retrieval, sentences in zip(group, retrievals, narrowed, strict=True)
                if question in before and stands(before[question], sentences, learnable)
            }
            told = self._told(
                [
                    (question, [hit.chunk.passage for hit in retrieval.hits])
                    for question, retrieval in zip(group, retrievals, strict=True)
                    if question not in read_before and question not in vouched
                ]
            )
            fresh: list[Reading] = []
            for question, retrieval, sentences in zip(group, retrievals, narrowed, strict=True):
                answer = vouched.get(question)
                if answer:
                    given = self._reader.given(question, retrieval, sentences, answer)
                    if given is not None:
                        readings.append(given)
                        continue
                reading = read_before.get(question)
                if reading is None:
                    reading = self._read(question, retrieval, sentences, told)
                    if reading is not None and question in written:
                        about = reading.content_hash == written[question]
                        reading = replace(reading, written=True) if about else None
                    fresh += [] if reading is None else [reading]
                if reading is None or (answer and not agree(reading.answer, answer)):
                    continue
                readings.append(reading)
                if reading.content_hash in chunks and reading.content_hash not in found:
                    against = contradiction(self._reader, reading, retrieval)
                    if against is not None:
                        found[reading.content_hash] = against
            self._catalog.learning.add_study(
                self.teacher, [(one.content_hash, one.question, one.to_json()) for one in fresh]
            )
            progress(len(group))
        uncontested = set(chunks) - {key for one in found.values() for key in one.hashes}
        readings = [one for one in readings if one.content_hash in uncontested]
        sure = [one for one in readings if one.trust >= MIN_TRUST]
        rows = consistent(sure, vouched)
        forms = usual_forms(rows, vouched)
        told_alike = [self._reader.put(one, form) for one, form in zip(rows, forms, strict=True)]
        return told_alike, list(found.values())

    def write_questions(
        self, chunks: Collection[str], asked: Collection[str], count: int
    ) -> dict[str, str]:
        """What the larger teacher asks beside `asked`: each question with the chunk it is about.

        It writes `count` about a chunk at most. Those that something was learned from are kept, so
        that the next round has the same.
        """
        if self._larger is None or not count:
            return {}
        kept = self._catalog.learning.study(chunks, self.teacher)
        questions = {
            question: str(row["content_hash"])
            for question, row in kept.items()
            if row.get("written")
        }
        current = self._catalog.documents.current(chunks)
        new = [current[key] for key in sorted(set(current) - set(questions.values()))]
        written = self._larger.questions([chunk.passage for chunk in new], count)
        for chunk, some in zip(new, written, strict=True):
            for question in some:
                questions.setdefault(question, chunk.content_hash)
        return {one: about for one, about in questions.items() if one not in asked}

    def _told(self, asked: Sequence[Asked]) -> dict[str, str]:
        """What the larger teacher answers, by question; without one, nothing."""
        if self._larger is None or not asked:
            return {}
        answers = self._larger.answers(asked)
        return {question: answer for (question, _), answer in zip(asked, answers, strict=True)}

    def _read(
        self,
        question: str,
        retrieval: Retrieval,
        sentences: Sequence[Sentence],
        told: Mapping[str, str],
    ) -> Reading | None:
        """The base model's reading, or that of the larger teacher's answer if the text holds it."""
        if self._larger is None:
            return self._reader.read(question, retrieval, sentences)
        answer = told.get(question)
        return self._reader.given(question, retrieval, sentences, answer) if answer else None


def consistent(readings: Sequence[Reading], vouched: Collection[str] = ()) -> list[Reading]:
    """Those whose answer another question bears out, or that no similar question contradicts.

    A question that was asked in several ways is answered several times, and an answer that only
    one of the ways gives is seldom right, however sure the teacher is of it (self-consistency,
    Wang et al., arXiv 2203.11171). Only questions that find the same passage first, or are answered
    from the same one, ask the same: "Who leads A?" says nothing of "Who leads B?". What was asked
    once is taken as it is, and what users vouch for (the questions in `vouched`) outweighs every
    reading.
    """
    if not readings:
        return []
    vectors = np.stack([one.vector for one in readings])
    first = np.array([one.found[0] for one in readings])
    held = np.array([one.content_hash for one in readings])
    kept = []
    for i, one in enumerate(readings):
        if one.question in vouched:
            kept.append(one)
            continue
        one_passage = (first == one.found[0]) | (held == one.content_hash)
        cosines = np.where(one_passage, vectors @ one.vector, -1.0)
        cosines[i] = -1.0
        related = np.flatnonzero(cosines >= RELATED).tolist()
        if any(
            readings[j].question in vouched
            and readings[j].content_hash == one.content_hash
            and cosines[j] >= SIMILAR
            and not agree(one.answer, readings[j].answer)
            for j in related
        ):
            continue
        borne_out = any(agree(one.answer, readings[j].answer) for j in related)
        if borne_out or not (cosines >= SIMILAR).any():
            kept.append(one)
    return kept


def usual_forms(readings: Sequence[Reading], vouched: Collection[str] = ()) -> list[str]:
    """How each answer is to be said, so that those who ask the same are told the same.

    One wording finds a captain's whole name, another half of it. Both are right, but taught side by
    side they are rivals, and the next wording may be told either. Of the forms in which a piece of
    the text was read, that of most questions is taken, or of those surest of it, or the longest.
    What users vouch for (the questions in `vouched`) stays, and others follow it.
    """
    of_chunk = defaultdict[str, list[Reading]](list)
    for one in readings:
        of_chunk[one.content_hash].append(one)
    forms = []
    for one in readings:
        votes: dict[str, tuple[int, int, float]] = {}
        for other in of_chunk[one.content_hash]:
            if other is one or (other.vector @ one.vector >= RELATED and _one_piece(one, other)):
                voices, count, trust = votes.get(other.answer, (0, 0, 0.0))
                voices += other.question in vouched
                votes[other.answer] = voices, count + 1, trust + other.trust
        most = max(votes, key=lambda answer: (votes[answer], len(answer)))
        forms.append(one.answer if one.question in vouched else most)
    return forms


def _one_piece(one: Reading, other: Reading) -> bool:
    """Whether the answers, of one chunk, are the same piece of it, read at different lengths.

    Where the shorter stands in the sentence twice, it may be about something else: "2" is no form
    of "2 hours" in "The 2 tugs take 2 hours".
    """
    shorter, longer = sorted((one, other), key=lambda reading: len(reading.answer))
    words = f" {normalise(shorter.answer)} "
    sentences = [shown.text for shown in longer.sentences if longer.answer in shown.text]
    return contains(longer.answer, [shorter.answer]) and all(
        f" {normalise(text)} ".count(words) == 1 for text in sentences
    )


def stands(reading: Reading, sentences: Sequence[Sentence], learnable: Collection[str]) -> bool:
    """Whether a kept reading holds among the sentences of today.

    It does where the sentence of its answer and whatever is nearer to the question are the same.
    What is farther changes with every document that is added anywhere, and seldom an answer. But
    whatever was shown for it has to be text that may be learned still: it shaped the soft labels.
    """
    if not all(one.content_hash in learnable for one in reading.sentences):
        return False
    places = [i for i, one in enumerate(reading.sentences) if reading.answer in one.text]
    read = [one.text for one in reading.sentences[min(places, default=0) :]]
    return bool(places) and read == [one.text for one in sentences][-len(read) :]
