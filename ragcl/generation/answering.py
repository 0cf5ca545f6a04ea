"""Answering: retrieve, route, answer, cite and log, for one question or many.

`Answerer.answer` shows all steps; how an answer is made, `answerers` know. Knows nothing of how an
adapter was trained.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from ragcl.catalog import Catalog
from ragcl.catalog.chunks import Filter
from ragcl.errors import RagclError, UsageError, check_text
from ragcl.generation.active_set import ActiveSet
from ragcl.generation.answerers.closed_book import ClosedBook
from ragcl.generation.answerers.draft import UNKNOWN, Draft, Job
from ragcl.generation.answerers.extractive import Extractive
from ragcl.generation.answerers.written import Writer
from ragcl.generation.ask_log import AskLog
from ragcl.generation.attempts import Attempts, Found
from ragcl.generation.attribution import Attribution
from ragcl.generation.conversation import History, checked
from ragcl.generation.judging import JudgingReader
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Narrower
from ragcl.generation.prompts import abstention
from ragcl.generation.quotes import quotes
from ragcl.generation.routing import in_passages
from ragcl.results import MODES, Answer, Chosen, Citation, Mode, Trace, seen_as, traced
from ragcl.search.embedder import Embedder
from ragcl.search.retriever import Retriever
from ragcl.settings import AnsweringSettings


class AnswerStream:
    """The pieces of an answer as they are generated; `.result` is the whole answer afterwards."""

    def __init__(self, pieces: Iterator[str | Answer]) -> None:
        self._pieces = pieces
        self._result: Answer | None = None

    def __iter__(self) -> Self:
        """The stream itself, which can be read once."""
        return self

    def __next__(self) -> str:
        """The next piece of the text."""
        for piece in self._pieces:
            if not isinstance(piece, Answer):
                return piece
            self._result = piece
        raise StopIteration

    @property
    def result(self) -> Answer:
        """The answer; reads the rest of the stream first."""
        for _ in self:
            pass
        if self._result is None:
            raise RagclError("the stream was closed before the answer was complete; ask again.")
        return self._result


class Answerer:
    """Answers questions on one knowledge base; may be used from several threads."""

    def __init__(
        self,
        catalog: Catalog,
        retriever: Retriever,
        narrower: Narrower,
        model: LanguageModel,
        settings: AnsweringSettings,
        adapters: Path,
    ) -> None:
        self._settings = settings
        self.active = ActiveSet(catalog, model, adapters)
        self.reader = JudgingReader(model, narrower, settings.context_tokens)
        self.attempts = Attempts(retriever, model, self.reader, settings)
        self._closed_book = ClosedBook(model, self.reader)
        self._extractive = Extractive(model, self.reader, settings)
        beside = catalog.documents.beside
        self._writer = Writer(model, self.reader, self._extractive, beside, settings)
        self.attribution = Attribution(
            catalog,
            retriever,
            model,
            self.active,
            closed_book=self._closed_book,
            extractive=self._extractive,
            writer=self._writer,
        )
        self._log = AskLog(catalog, self.reader)

    def answer(
        self,
        questions: Sequence[str],
        mode: Mode,
        *,
        record: bool,
        chosen: Filter | None = None,
        history: History = (),
        progress: Callable[[int], None] | None = None,
    ) -> list[Answer]:
        """Answer every question.

        Args:
            questions: the questions, which are answered in batches.
            mode: the allowed routes.
            record: whether the questions enter the log that consolidation learns from.
            chosen: the filter of the documents; None: all.
            history: the turns of the conversation in which each question is asked.
            progress: called with the number of questions done since the last call.

        Raises:
            UsageError: an empty or overlong question, an unknown mode, or an invalid history.
        """
        started = time.time()
        turns = self._check(questions, mode, history)
        found = self.attempts.found(questions, chosen, turns)
        with self.active.taken(chosen, _embedder(found)) as snapshot:
            attempts = [self.attempts.jobs(one, mode, snapshot, chosen) for one in found]
            jobs, drafts = self._tried(attempts, progress or (lambda _: None))
        seconds = (time.time() - started) / max(1, len(jobs))
        answers = [
            self._finish(job, mode, draft, seconds) for job, draft in zip(jobs, drafts, strict=True)
        ]
        return self._log.record(jobs, drafts, answers) if record else answers

    def stream(
        self,
        question: str,
        mode: Mode,
        *,
        record: bool,
        chosen: Filter | None = None,
        history: History = (),
    ) -> AnswerStream:
        """Answer one question piece by piece."""
        turns = self._check([question], mode, history)
        return AnswerStream(self._pieces(question, mode, record, chosen, turns))

    def _pieces(
        self, question: str, mode: Mode, record: bool, chosen: Filter | None, turns: History
    ) -> Iterator[str | Answer]:
        started = time.time()
        found = self.attempts.found([question], chosen, turns)
        with self.active.taken(chosen, _embedder(found)) as snapshot:
            for job in self.attempts.jobs(found[0], mode, snapshot, chosen):
                reads = job.decision.route in ("context", "both")
                written = reads and self._settings.reading == "write"
                if written:
                    draft = yield from self._writer.stream(job)
                else:  # a span or a quotation is complete at once
                    [draft] = self._draft([job], lambda _: None)
                if not draft.silent:
                    break
            answer = self._finish(job, mode, draft, time.time() - started)
        if not written or answer.abstained:
            yield from re.findall(r"\s*\S+", answer.text)
        yield self._log.record([job], [draft], [answer])[0] if record else answer

    def _check(self, questions: Sequence[str], mode: Mode, history: History) -> History:
        """Refuse invalid arguments; returns the checked history."""
        if mode not in MODES:
            raise UsageError(f"mode {mode!r} is unknown: use one of {', '.join(MODES)}.")
        turns = checked(history)
        for question in [*questions, *(earlier for earlier, _ in turns)]:
            check_question(question, self._settings.max_question_chars)
        return turns

    def _tried(
        self, attempts: Sequence[Sequence[Job]], progress: Callable[[int], None]
    ) -> tuple[list[Job], list[Draft]]:
        """For each question the first of its jobs that is answered, else the last; its draft."""
        done: dict[int, tuple[Job, Draft]] = {}
        first = {i: jobs[0] for i, jobs in enumerate(attempts) if len(jobs) > 1}
        drafts = self._draft(list(first.values()), lambda _: None)
        for (i, job), draft in zip(first.items(), drafts, strict=True):
            if not draft.silent:
                done[i] = job, draft
                progress(1)
        last = {i: jobs[-1] for i, jobs in enumerate(attempts) if i not in done}
        drafts = self._draft(list(last.values()), progress)
        done.update(zip(last, zip(last.values(), drafts, strict=True), strict=True))
        chosen = [done[i] for i in range(len(attempts))]
        return [job for job, _ in chosen], [draft for _, draft in chosen]

    def _draft(self, jobs: Sequence[Job], progress: Callable[[int], None]) -> list[Draft]:
        """Make the answers; one from the weights that is not accepted is read instead."""
        drafts: dict[int, Draft] = {}
        places = [i for i, job in enumerate(jobs) if job.decision.route == "weights"]
        recalled = self._closed_book.draft([jobs[i] for i in places])
        reasons = {}
        for i, draft in zip(places, recalled, strict=True):
            if draft.shortcoming:
                reasons[i] = draft.shortcoming
                continue
            drafts[i] = draft
            progress(1)
        for i, job in enumerate(jobs):
            if job.decision.route == "none":
                drafts[i] = Draft(job.decision, UNKNOWN, 0, ())
                progress(1)
        places = [i for i in range(len(jobs)) if i not in drafts]
        reading = [_as_reading(jobs[i], reasons[i]) if i in reasons else jobs[i] for i in places]
        answerer = self._writer if self._settings.reading == "write" else self._extractive
        read = answerer.draft(reading, progress)
        drafts.update(zip(places, read, strict=True))
        return [drafts[i] for i in range(len(jobs))]

    def _finish(self, job: Job, mode: Mode, draft: Draft, seconds: float) -> Answer:
        abstained = draft.silent
        hits = job.retrieval.hits
        rests_on = [
            one
            for hit in draft.support
            for one in quotes(hit, draft.said.get(hit.content_hash, ()))
        ]
        return Answer(
            id=0,
            question=job.question,
            text=abstention(job.asked or job.question) if abstained else draft.completion.text,
            route="none" if abstained else draft.decision.route,
            mode=mode,
            citations=[] if abstained else [seen_as(Citation, hit) for hit in draft.support],
            abstained=abstained,
            prompt_tokens=draft.prompt_tokens,
            answer_tokens=len(draft.completion.token_ids),
            confidence=draft.completion.logprob,
            seconds=seconds,
            form="none" if abstained else draft.form,
            quotes=[] if abstained else rests_on,
            nearest=seen_as(Citation, hits[0]) if abstained and hits else None,
            trace=Trace(
                asked=job.asked,
                reason=draft.decision.reason,
                tried=job.decision.route,
                adapter=draft.decision.adapter,
                adapter_set=job.snapshot.adapters.set_id,
                features=draft.decision.features,
                form=draft.form,
                forms=dict(draft.forms),
                prompt_tokens=draft.prompt_tokens,
                chosen=_plain(job.chosen),
                support=tuple(hit.content_hash for hit in draft.support),
                hits=tuple(map(traced, hits)),
            ),
        )


def _embedder(found: Sequence[Found]) -> Embedder | None:
    """The embedder of the questions, which were all retrieved for at once."""
    return found[0].retrieval.embedder if found else None


def check_question(question: str, max_chars: int) -> None:
    """Refuse an invalid question.

    Raises:
        UsageError: it is empty, longer than `max_chars`, or not text.
    """
    if not question.strip():
        raise UsageError("the question is empty: ask something.")
    if len(question) > max_chars:
        raise UsageError(
            f"the question has {len(question):,} characters, more than {max_chars:,}: "
            "shorten it (setting answering.max_question_chars)."
        )
    check_text(question, "the question")


def _plain(chosen: Filter | None) -> Chosen | None:
    """The filter for the trace."""
    if chosen is None:
        return None
    return Chosen(chosen.source, chosen.since_ns, chosen.until_ns, dict(chosen.metadata))


def _as_reading(job: Job, reason: str) -> Job:
    """The job with its passages read, since the answer from the weights was not accepted."""
    decision = in_passages(job.decision.beside, reason, job.decision.features)
    return replace(job, decision=decision)
