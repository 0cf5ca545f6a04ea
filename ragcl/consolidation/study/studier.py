"""Study: hot chunks to training rows.

The teacher is the frozen base model reading the source, with all adapters off; or a larger model,
where the settings name one, whose answer counts if the source holds it. A larger teacher also
writes questions about the hot chunks.

- Every question is retrieved for again from the current index. A stored reading is used if its
  sentences are still valid; else the question is read again.
- An answer is a span of the source. One that a user gave or rated well is taken as it is, if the
  source holds it.
- The label is pooled over all wordings of a question. A label that no other question supports is
  checked by asking the question again in brief.
- Of the lengths at which one span was read, the most common is trained.

What is left out is counted by its reason. Trains nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ragcl.catalog import Catalog
from ragcl.catalog.stored_reading import StoredReading
from ragcl.consolidation.recipe import STUDY
from ragcl.consolidation.study.contradictions import Contradiction, contradiction
from ragcl.consolidation.study.forms import is_answer_of, same_span
from ragcl.consolidation.study.pooling import pool
from ragcl.consolidation.study.teacher import Asked, Teacher
from ragcl.generation.judging import JudgingReader
from ragcl.generation.narrowing import Sentence
from ragcl.generation.reading import Reading
from ragcl.generation.recipe import READING
from ragcl.search.calibration import AS_IS, Scale
from ragcl.search.retrieval import Retrieval
from ragcl.search.retriever import Retriever
from ragcl.text.answers import compatible, same
from ragcl.text.rewording import briefly

GROUP = 32  # questions read before their rows are stored: what a killed round loses at most
WRITTEN_AT_ONCE = 8  # chunks that a larger teacher writes questions about between deadline checks

# Keys of the counts in a round's report.
NOTHING_SAYS_IT = "no passage that may be learned says it"
NO_PHRASE = "sentences answer it, and no phrase does"
ELSEWHERE = "it is answered from a passage that is not learned now"
NOT_VOUCHED = "users gave an answer that is not the one that is read"
DISPUTED = "another text contradicts the answer"
DOUBTFUL = "its wordings do not agree on an answer"
NOT_FOUND_AGAIN = "asked in brief, another answer is read"


@dataclass(frozen=True)
class Studied:
    """The training rows, and how many questions are left out for each reason."""

    rows: list[Reading]
    contradictions: list[Contradiction]
    left_out: dict[str, int]


class Studier:
    """Reads the questions of hot chunks and stores the readings in the catalog."""

    def __init__(
        self,
        catalog: Catalog,
        retriever: Retriever,
        reader: JudgingReader,
        *,
        passages: int,
        false_abstentions: float,
        larger: Teacher | None = None,
    ) -> None:
        self._catalog = catalog
        self._retriever = retriever
        self._reader = reader
        self._passages = passages
        self._larger = larger
        self._false_abstentions = false_abstentions

    @property
    def teacher(self) -> str:
        """The name of the teacher with its reading recipe: readings of another are not reused."""
        own = self._reader.teacher(self._retriever.embedder)
        return own if self._larger is None else f"{self._larger.name}, {own}"

    def study(
        self,
        questions: Sequence[str],
        chunks: Collection[str],
        vouched: Mapping[str, str],
        progress: Callable[[int], None],
        written: Mapping[str, str],
    ) -> Studied:
        """The readings of those questions whose answer stands in one of `chunks`.

        A fact that another text contradicts is left out, and the contradiction is returned. An
        answer in `vouched` (by question) replaces the reading, and readings of similar questions
        about the same chunk that contradict it are left out. Flagged text is not shown to the
        teacher. `written` maps questions to the chunk they were written about; one counts only if
        its answer is in that chunk: it quotes the text, and has to be forgotten with it.
        """
        kept = self._catalog.learning.study(chunks, self.teacher)
        readings: list[Reading] = []
        contradictions: list[Contradiction] = []
        left_out: Counter[str] = Counter()
        for start in range(0, len(questions), GROUP):
            group = questions[start : start + GROUP]
            retrievals = [
                _learnable(one)
                for one in self._retriever.retrieve(
                    group, self._passages, whole_tables=True, trusted=True
                )
            ]
            ranked = self._reader.rank(group, retrievals)
            narrowed = [self._reader.fitting(sentences) for sentences in ranked]
            read_before = self._read_before(kept, group, retrievals, narrowed)
            teacher_answers = self._teacher_answers(
                [
                    (question, _leading(retrieval))
                    for question, retrieval in zip(group, retrievals, strict=True)
                    if question not in read_before and question not in vouched
                ]
            )
            fresh: list[Reading] = []
            for question, retrieval, every, sentences in zip(
                group, retrievals, ranked, narrowed, strict=True
            ):
                answer = vouched.get(question)
                if answer:
                    given = self._reader.given(question, retrieval, sentences, answer)
                    if given is not None:
                        readings.append(given)
                        continue
                reading = read_before.get(question)
                if reading is None:
                    read = self._read(question, retrieval, every, sentences, teacher_answers)
                    if isinstance(read, str):
                        left_out[read] += 1
                        continue
                    if question in written and read.content_hash != written[question]:
                        left_out[ELSEWHERE] += 1
                        continue
                    reading = replace(read, written=question in written)
                    fresh.append(reading)
                if answer and not same(reading.answer, answer):
                    left_out[NOT_VOUCHED] += 1
                elif reading.content_hash not in chunks:
                    left_out[ELSEWHERE] += 1
                else:
                    readings.append(reading)
                    against = contradiction(self._reader, reading, retrieval)
                    contradictions += [] if against is None else [against]
            self._catalog.learning.add_study(self.teacher, [one.stored() for one in fresh])
            progress(len(group))
        scale = self._retriever.calibrate().questions
        rows = []
        for one in readings:
            if any(other.disputes(one) for other in contradictions):
                left_out[DISPUTED] += 1
            elif one.question not in vouched and contradicts_vouched(one, readings, vouched, scale):
                left_out[NOT_VOUCHED] += 1
            else:
                rows.append(one)
        rows = self._labelled(rows, vouched, scale, left_out, progress)
        forms = most_common_forms(rows, vouched, scale)
        alike = [self._reader.put(one, form) for one, form in zip(rows, forms, strict=True)]
        return Studied(alike, contradictions, dict(+left_out))

    def _read_before(
        self,
        kept: Mapping[str, StoredReading],
        questions: Sequence[str],
        retrievals: Sequence[Retrieval],
        narrowed: Sequence[Sequence[Sentence]],
    ) -> dict[str, Reading]:
        """The stored readings that are still valid, with the current retrieval."""
        before = {one: Reading.of(kept[one]) for one in questions if one in kept}
        learnable = self._catalog.documents.learnable_hashes(
            {shown.content_hash for one in before.values() for shown in one.sentences}
        )
        return {
            # Sentences farther from the question may have changed.
            question: replace(
                before[question],
                sentences=tuple(sentences),
                found=retrieval.found,
                score=retrieval.hits[0].score,
                margin=retrieval.margin,
            )
            for question, retrieval, sentences in zip(questions, retrievals, narrowed, strict=True)
            if question in before and is_still_valid(before[question], sentences, learnable)
        }

    def _labelled(
        self,
        readings: Sequence[Reading],
        vouched: Collection[str],
        scale: Scale,
        left_out: Counter[str],
        progress: Callable[[int], None],
    ) -> list[Reading]:
        """The readings with their pooled labels, without those in doubt."""
        sure = []
        for one, label in zip(readings, pool(readings, vouched, scale), strict=True):
            if label.share < STUDY.min_share:
                left_out[DOUBTFUL] += 1
            else:
                taught = replace(self._reader.put(one, label.answer), trust=label.share)
                sure.append((taught, label.supporters > 0 or one.question in vouched))
        alone = [one for one, supported in sure if not supported]
        again = {one.question: one.found_again for one in alone if one.found_again is not None}
        again |= self._found_again([one for one in alone if one.question not in again], progress)
        lost = {question for question, found in again.items() if not found}
        left_out[NOT_FOUND_AGAIN] += len(lost)
        return [one for one, _ in sure if one.question not in lost]

    def _found_again(
        self, readings: Sequence[Reading], progress: Callable[[int], None]
    ) -> dict[str, bool]:
        """Whether each question gets the same answer when it is asked in brief; stored in the rows.

        This check is needed where no other question supports the answer.
        """
        found: dict[str, bool] = {}
        for start in range(0, len(readings), GROUP):
            group = readings[start : start + GROUP]
            known = [
                replace(one, found_again=bool(answer) and is_answer_of(answer or "", one))
                for one, answer in zip(group, self._answers_in_brief(group), strict=True)
            ]
            self._catalog.learning.add_study(self.teacher, [one.stored() for one in known])
            found |= {one.question: bool(one.found_again) for one in known}
            progress(0)
        return found

    def _answers_in_brief(self, readings: Sequence[Reading]) -> Sequence[str | None]:
        """The answers to the questions asked in brief, from the same passages."""
        in_brief = [briefly(one.question) for one in readings]
        if self._larger is None:
            return [
                self._reader.best_span(brief, one.sentences)
                for brief, one in zip(in_brief, readings, strict=True)
            ]
        retrievals = self._retriever.retrieve(in_brief, self._passages, trusted=True)
        passages = [_leading(_learnable(one)) for one in retrievals]
        return self._larger.answers(list(zip(in_brief, passages, strict=True)))

    def write_questions(
        self,
        chunks: Collection[str],
        asked: Collection[str],
        count: int,
        progress: Callable[[int], None],
    ) -> dict[str, str]:
        """Questions that the larger teacher writes beside `asked`, each with its chunk's hash.

        It writes at most `count` about a chunk. Those with a reading are stored, so that the next
        round has the same.
        """
        if self._larger is None or not count:
            return {}
        kept = self._catalog.learning.study(chunks, self.teacher)
        questions = {question: row.content_hash for question, row in kept.items() if row.written}
        current = self._catalog.documents.current(chunks)
        new = [current[key] for key in sorted(set(current) - set(questions.values()))]
        for start in range(0, len(new), WRITTEN_AT_ONCE):
            group = new[start : start + WRITTEN_AT_ONCE]
            written = self._larger.questions([chunk.headed for chunk in group], count)
            for chunk, some in zip(group, written, strict=True):
                for question in some:
                    questions.setdefault(question, chunk.content_hash)
            progress(0)
        return {one: about for one, about in questions.items() if one not in asked}

    def _teacher_answers(self, asked: Sequence[Asked]) -> dict[str, str]:
        """The larger teacher's answers by question; empty without a larger teacher."""
        if self._larger is None or not asked:
            return {}
        answers = self._larger.answers(asked)
        return {question: answer for (question, _), answer in zip(asked, answers, strict=True)}

    def _read(
        self,
        question: str,
        retrieval: Retrieval,
        ranked: Sequence[Sentence],
        shown: Sequence[Sentence],
        teacher_answers: Mapping[str, str],
    ) -> Reading | str:
        """The base model's reading, or that of the larger teacher's answer if the text holds it.

        Where there is none to learn from, the reason.
        """
        if self._larger is not None:
            answer = teacher_answers.get(question)
            given = answer and self._reader.given(question, retrieval, shown, answer)
            return given or NOTHING_SAYS_IT
        if not ranked:
            return NOTHING_SAYS_IT
        judged = self._reader.judge(question, retrieval, ranked, self._false_abstentions)
        if judged.form == "quotation":
            return NO_PHRASE
        reading = judged.outlook.reading
        return NOTHING_SAYS_IT if judged.form == "none" or reading is None else reading


def _learnable(retrieval: Retrieval) -> Retrieval:
    """What may be shown to a teacher: what it reads goes into the weights."""
    return replace(retrieval, hits=tuple(hit for hit in retrieval.hits if not hit.flags))


def _leading(retrieval: Retrieval) -> list[str]:
    """The passages that a larger teacher is shown, best first: the best, and none far behind it.

    Shown passages that are all alike, it takes the answer from another one than is asked about.
    """
    best = max((hit.fused for hit in retrieval.hits), default=0.0)
    return [hit.headed for hit in retrieval.hits if best - hit.fused <= READING.behind]


def contradicts_vouched(
    one: Reading, readings: Sequence[Reading], vouched: Collection[str], scale: Scale = AS_IS
) -> bool:
    """Whether users vouch for another answer to a similar question about the same chunk."""
    return any(
        other.question in vouched
        and other.content_hash == one.content_hash
        and scale(float(other.vector @ one.vector)) >= STUDY.probably_same
        and not compatible(one.answer, other.answer)
        for other in readings
    )


def most_common_forms(
    readings: Sequence[Reading], vouched: Collection[str] = (), scale: Scale = AS_IS
) -> list[str]:
    """The most common length of each answer's span among related questions.

    One wording finds a captain's whole name, another half of it. Both are right, but as labels they
    compete. Of the forms of one span that of a vouched question is taken first, then that of most
    questions, then the one of most trust, then the longest. Answers of the questions in `vouched`
    stay as they are.
    """
    of_chunk = defaultdict[str, list[Reading]](list)
    for one in readings:
        of_chunk[one.content_hash].append(one)
    forms = []
    for one in readings:
        votes: dict[str, tuple[int, int, float]] = {}
        for other in of_chunk[one.content_hash]:
            if other is one or (
                scale(float(other.vector @ one.vector)) >= STUDY.related and same_span(one, other)
            ):
                confirmed, count, trust = votes.get(other.answer, (0, 0, 0.0))
                confirmed += other.question in vouched
                votes[other.answer] = confirmed, count + 1, trust + other.trust
        most = max(votes, key=lambda answer: (votes[answer], len(answer)))
        forms.append(one.answer if one.question in vouched else most)
    return forms


def is_still_valid(
    reading: Reading, sentences: Sequence[Sentence], learnable: Collection[str]
) -> bool:
    """Whether a stored reading is valid for the sentences retrieved now.

    The answer's sentence and all that are nearer to the question must be the same. Those farther
    away change with every document that is added, and seldom change the answer. But all sentences
    of the reading must still be learnable text: they shaped the soft labels.
    """
    if not all(one.content_hash in learnable for one in reading.sentences):
        return False
    places = [i for i, one in enumerate(reading.sentences) if reading.answer in one.text]
    read = [one.text for one in reading.sentences[min(places, default=0) :]]
    return bool(places) and read == [one.text for one in sentences][-len(read) :]
