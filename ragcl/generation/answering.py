"""Answering: retrieve, route, answer, cite and log, for one question or many.

`Answerer.answer` is the story from top to bottom. Knows nothing of how an adapter came to be.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ragcl.catalog import Catalog
from ragcl.catalog.asks import AskRecord, HitRecord
from ragcl.catalog.documents import Filter
from ragcl.errors import (
    CatalogError,
    KnowledgeBaseBusyError,
    ModelNotFoundError,
    RagclError,
    UsageError,
)
from ragcl.evaluation.metrics import agree
from ragcl.generation.influence import Influence, Shown, leave_one_out, likelihood
from ragcl.generation.language_model import Completion, LanguageModel, Prompt
from ragcl.generation.passages import joined
from ragcl.generation.prompts import ABSTENTION, Prompts, is_abstention
from ragcl.generation.reading import Narrower, Reader, Reading
from ragcl.generation.recall import by_nearness, likelihood_alone, recall
from ragcl.generation.routing import ActiveAdapters, Decision, decide
from ragcl.results import MODES, Answer, Citation, Mode
from ragcl.retrieval.retriever import Retrieval, Retrieved, Retriever
from ragcl.settings import AnsweringSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A question with what it retrieved of the documents chosen and the route it is to take.

    Questions that are answered together have the same documents to choose from.
    """

    question: str
    retrieval: Retrieval
    decision: Decision
    chosen: Filter | None = None


@dataclass(frozen=True)
class Draft:
    """An answer on its way: the route it took, its text, what it rests on and what it cost."""

    decision: Decision
    completion: Completion
    prompt_tokens: int
    support: tuple[Retrieved, ...]
    reading: Reading | None = None

    @property
    def shortcoming(self) -> str | None:
        """Why it does not meet what its route demands, or None if it does."""
        needed, expected = self.decision.min_confidence, self.decision.expected
        if needed is not None and self.completion.logprob < needed:
            return f"the weights were less sure of their answer than the calibrated {needed:.2f}"
        if expected is not None and not agree(self.completion.text, expected):
            return "the weights did not say what they were proved to know about this"
        return None


class AnswerStream:
    """The pieces of an answer as they are written; `.result` is the whole answer afterwards."""

    def __init__(self, pieces: Iterator[str | Answer]) -> None:
        self._pieces = pieces
        self._result: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        """Yield pieces of text; joined they are the answer's text."""
        for piece in self._pieces:
            if isinstance(piece, Answer):
                self._result = piece
            else:
                yield piece

    @property
    def result(self) -> Answer:
        """The answer; what was not read of the stream yet is read first."""
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
        self._catalog = catalog
        self._retriever = retriever
        self._model = model
        self._settings = settings
        self._folder = adapters
        self._reader = Reader(model, narrower, settings.context_tokens)
        self._lock = threading.Lock()
        self._active = ActiveAdapters(None, ())
        self._judged: tuple[tuple[int | None, int], frozenset[str]] = ((None, 0), frozenset())

    def answer(
        self,
        questions: Sequence[str],
        mode: Mode,
        *,
        record: bool,
        chosen: Filter | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Answer]:
        """Answer every question.

        Args:
            questions: the questions, answered together where that is faster.
            mode: which routes are allowed.
            record: whether the questions enter the log that consolidation learns from.
            chosen: the documents that may be looked at; None: all.
            progress: called with a number of questions whenever that many are done.

        Raises:
            UsageError: an empty or overlong question, or an unknown mode.
        """
        started = time.time()
        self._check(questions, mode)
        jobs = self._jobs(questions, mode, chosen)
        drafts = self._draft(jobs, progress or (lambda _: None))
        seconds = (time.time() - started) / max(1, len(jobs))
        answers = [
            self._finish(job, mode, draft, seconds) for job, draft in zip(jobs, drafts, strict=True)
        ]
        return self._record(jobs, drafts, answers) if record else answers

    def stream(
        self, question: str, mode: Mode, *, record: bool, chosen: Filter | None = None
    ) -> AnswerStream:
        """Answer one question piece by piece."""
        self._check([question], mode)
        return AnswerStream(self._pieces(question, mode, record, chosen))

    def influence(self, ask: AskRecord) -> Influence:
        """How likely its sources made a logged answer, on what they say now.

        An answer from the weights is held against what the base model would have read. Where
        nothing was answered, or by an adapter that is not active any more, nothing is measured.
        """
        adapter = ask.trace.get("adapter")
        active = {one.id for one in self._load_active().adapters}
        if ask.route == "none" or not ask.answer:
            return Influence({}, None)
        if ask.route == "both" and adapter is not None and adapter not in active:
            return Influence({}, None)
        current = self._catalog.documents.current(hit.content_hash for hit in ask.hits)
        hits = tuple(
            Retrieved(current[hit.content_hash], hit.score)
            for hit in ask.hits
            if hit.content_hash in current
        )
        reads = adapter if ask.route == "both" else None
        job = Job(ask.question, Retrieval(ask.vector, hits), Decision("context", reads, ""))
        shown = self._shown(job)

        def compose(texts: Sequence[str]) -> Prompt:
            budget = self._settings.context_tokens
            return self._prompts.with_context(ask.question, texts, budget)

        carried = leave_one_out(self._model, ask.answer, shown, compose, reads)
        weights = None
        if adapter in active:
            prompt = (
                self._prompts.closed_book(ask.question)
                if ask.route == "weights"
                else compose([one.text for one in shown])
            )
            weights = likelihood(self._model, prompt, ask.answer, adapter) - likelihood(
                self._model, prompt, ask.answer, None
            )
        return Influence({key: carried.get(key, 0.0) for key in current}, weights)

    def _pieces(
        self, question: str, mode: Mode, record: bool, chosen: Filter | None
    ) -> Iterator[str | Answer]:
        started = time.time()
        [job] = self._jobs([question], mode, chosen)
        decision = job.decision
        written = decision.route in ("context", "both") and self._settings.reading == "generate"
        if written or (decision.route == "weights" and decision.adapter is None):
            prompt, support = self._prompt(job)
            draft = Draft(decision, Completion("", (), 0.0), len(prompt.ids), support)
            for piece in self._model.stream(
                prompt, adapter=decision.adapter, max_new_tokens=self._settings.max_new_tokens
            ):
                if isinstance(piece, Completion):
                    draft = replace(draft, completion=piece)
                else:
                    yield piece
            answer = self._finish(job, mode, draft, time.time() - started)
        else:  # picked as a whole, or not certain to stand until it is complete
            [draft] = self._draft([job], lambda _: None)
            answer = self._finish(job, mode, draft, time.time() - started)
            yield from re.findall(r"\s*\S+", answer.text)
        yield self._record([job], [draft], [answer])[0] if record else answer

    @cached_property
    def _prompts(self) -> Prompts:
        return Prompts(self._model.tokenizer)

    def _check(self, questions: Sequence[str], mode: Mode) -> None:
        if mode not in MODES:
            raise UsageError(f"mode {mode!r} is unknown: use one of {', '.join(MODES)}.")
        for question in questions:
            check_question(question, self._settings.max_question_chars)

    def _jobs(self, questions: Sequence[str], mode: Mode, chosen: Filter | None) -> list[Job]:
        """Retrieve for every question and decide its route."""
        retrievals = self._retriever.retrieve(questions, self._settings.passages, chosen)
        active = self._load_active()
        current = self._catalog.documents.learnable_hashes(active.learned)
        demoted = self._demoted(active)
        jobs = []
        for question, found in zip(questions, retrievals, strict=True):
            decision = decide(mode, found, active, current, self._settings.min_score, demoted)
            if chosen and decision.route == "weights" and decision.adapter is None:
                reason = "no adapter holds anything of the documents chosen"
                decision = Decision("none", None, reason)
            jobs.append(Job(question, found, decision, chosen))
        return jobs

    def _demoted(self, active: ActiveAdapters) -> frozenset[str]:
        """The chunks of which the active adapters speak badly, by what users said of it so far."""
        with self._lock:
            key = (active.set_id, self._catalog.asks.last_feedback())
            if key != self._judged[0]:
                adapters = [one.id for one in active.adapters]
                self._judged = key, self._catalog.asks.badly_rated(adapters)
            return self._judged[1]

    def _load_active(self) -> ActiveAdapters:
        """The active set as it is in the catalog now, its adapters attached to the model."""
        with self._lock:
            set_id = self._catalog.learning.active_set_id()
            if set_id != self._active.set_id:
                set_id, records = self._catalog.learning.active()
                usable = []
                for adapter in records:
                    try:
                        self._model.attach(adapter.id, self._folder / adapter.id)
                        usable.append(adapter)
                    except ModelNotFoundError as error:
                        log.warning("The index answers in the place of %s: %s", adapter.id, error)
                # The set before stays: an answer that was routed to it may be under way.
                wanted = {adapter.id for adapter in [*records, *self._active.adapters]}
                for name in self._model.attached - wanted:
                    self._model.detach(name)
                self._active = ActiveAdapters(set_id, usable)
            return self._active

    def _draft(self, jobs: Sequence[Job], progress: Callable[[int], None]) -> list[Draft]:
        """Write the answers; one from the weights that is not sure enough is read instead."""
        drafts: dict[int, Draft] = {}
        places = [i for i, job in enumerate(jobs) if job.decision.route == "weights"]
        reasons = {}
        for i, draft in zip(places, self._remember([jobs[i] for i in places]), strict=True):
            if draft.shortcoming:
                reasons[i] = draft.shortcoming
                continue
            drafts[i] = draft
            progress(1)
        for i, job in enumerate(jobs):
            if job.decision.route == "none":
                drafts[i] = Draft(job.decision, Completion(ABSTENTION, (), 0.0), 0, ())
                progress(1)
        places = [i for i in range(len(jobs)) if i not in drafts]
        reading = [_as_reading(jobs[i], reasons[i]) if i in reasons else jobs[i] for i in places]
        extract = self._settings.reading == "extract"
        read = self._extract(reading, progress) if extract else self._write(reading)
        drafts.update(zip(places, read, strict=True))
        return [drafts[i] for i in range(len(jobs))]

    def _remember(self, jobs: Sequence[Job]) -> list[Draft]:
        """Answer closed-book: an adapter recalls, the base model writes."""
        drafts: dict[int, Draft] = {}
        for adapter in dict.fromkeys(job.decision.adapter for job in jobs):
            places = [i for i, job in enumerate(jobs) if job.decision.adapter == adapter]
            some = [jobs[i] for i in places]
            said = self._write(some) if adapter is None else self._recall(some, adapter)
            drafts.update(zip(places, said, strict=True))
        return [drafts[i] for i in range(len(jobs))]

    def _recall(self, jobs: Sequence[Job], adapter: str) -> list[Draft]:
        """Choose among what was taught about the passages found: what is said can be cited.

        Where an answer is held against that to the nearest question, the weights are a second
        opinion; asked alone, they take its nearness into account.
        """
        found = {key for job in jobs for key in job.retrieval.found}
        may_speak = self._catalog.documents.learnable_hashes(found, jobs[0].chosen)
        taught = []
        for job in jobs:
            passages = [key for key in job.retrieval.found if key in may_speak]
            taught.append(self._active.taught(adapter, passages, job.retrieval.vector))
        choices = [
            likelihood_alone(told)
            if job.decision.expected is not None
            else by_nearness({answer: cosine for answer, (cosine, _) in told.items()})
            for job, told in zip(jobs, taught, strict=True)
        ]
        prompts = [self._prompts.closed_book(job.question) for job in jobs]
        completions = recall(self._model, prompts, choices, adapter=adapter)
        drafts = []
        for job, told, prompt, said in zip(jobs, taught, prompts, completions, strict=True):
            _, about = told.get(said.text, (0.0, ""))
            source = tuple(hit for hit in job.retrieval.hits if hit.chunk.content_hash == about)
            drafts.append(Draft(job.decision, said, len(prompt.ids), source))
        return drafts

    def _write(self, jobs: Sequence[Job]) -> list[Draft]:
        """Let the model write freely, the questions of one adapter together."""
        drafts: dict[int, Draft] = {}
        for adapter in dict.fromkeys(job.decision.adapter for job in jobs):
            places = [i for i, job in enumerate(jobs) if job.decision.adapter == adapter]
            prompts = [self._prompt(jobs[i]) for i in places]
            completions = self._model.generate(
                [prompt for prompt, _ in prompts],
                adapter=adapter,
                max_new_tokens=self._settings.max_new_tokens,
            )
            for i, (prompt, support), completion in zip(places, prompts, completions, strict=True):
                drafts[i] = Draft(jobs[i].decision, completion, len(prompt.ids), support)
        return [drafts[i] for i in range(len(jobs))]

    def _extract(self, jobs: Sequence[Job], progress: Callable[[int], None]) -> list[Draft]:
        """Read the answers out of the sentences nearest to the questions."""
        drafts = []
        narrowed = self._reader.narrow(
            [job.question for job in jobs], [job.retrieval for job in jobs]
        )
        for job, sentences in zip(jobs, narrowed, strict=True):
            adapter = job.decision.adapter
            reading = self._reader.read(job.question, job.retrieval, sentences, adapter)
            sources = [sentence.content_hash for sentence in reversed(sentences)]
            completion = Completion("", (), 0.0)
            if reading is not None:
                completion = Completion(reading.answer, reading.ids, reading.logprob)
                sources.insert(0, reading.content_hash)
            by_hash = {hit.chunk.content_hash: hit for hit in job.retrieval.hits}
            drafts.append(
                Draft(
                    job.decision,
                    completion,
                    len(self._reader.prompt(job.question, sentences).ids),
                    tuple(by_hash[key] for key in dict.fromkeys(sources)),
                    reading,
                )
            )
            progress(1)
        return drafts

    def _prompt(self, job: Job) -> tuple[Prompt, tuple[Retrieved, ...]]:
        """The prompt for free writing, with the hits that the answer will rest on."""
        if job.decision.route == "weights":
            # What the base model says by itself rests on no text of this knowledge base.
            return self._prompts.closed_book(job.question), ()
        support = self._support(job)
        texts = [hit.chunk.passage for hit in support]
        budget = self._settings.context_tokens
        return self._prompts.with_context(job.question, texts, budget), tuple(support)

    def _support(self, job: Job) -> list[Retrieved]:
        """The hits that a prompt for free writing has room for."""
        hits = job.retrieval.hits
        budget = self._settings.context_tokens
        shown = hits[: self._prompts.fitting([hit.chunk.passage for hit in hits], budget)]
        beside = self._catalog.documents.beside
        return joined(shown, beside, self._prompts.count_tokens, budget)

    def _shown(self, job: Job) -> list[Shown]:
        """What a prompt with context shows of the hits, in its order."""
        if self._settings.reading == "generate":
            return [Shown(hit.chunk.passage, hit.chunk.content_hash) for hit in self._support(job)]
        [sentences] = self._reader.narrow([job.question], [job.retrieval])
        texts = [sentence.text for sentence in sentences]
        fitting = self._prompts.fitting(texts, self._settings.context_tokens)
        return [Shown(one.text, one.content_hash) for one in sentences[:fitting]]

    def _finish(self, job: Job, mode: Mode, draft: Draft, seconds: float) -> Answer:
        abstained = draft.decision.route == "none" or is_abstention(draft.completion.text)
        hits = job.retrieval.hits
        return Answer(
            id=0,
            question=job.question,
            text=ABSTENTION if abstained else draft.completion.text,
            route="none" if abstained else draft.decision.route,
            mode=mode,
            citations=[] if abstained else [citation(hit) for hit in draft.support],
            abstained=abstained,
            prompt_tokens=draft.prompt_tokens,
            answer_tokens=len(draft.completion.token_ids),
            confidence=draft.completion.logprob,
            seconds=seconds,
            trace={
                "reason": draft.decision.reason,
                "tried": job.decision.route,
                "adapter": draft.decision.adapter,
                "adapter_set": self._active.set_id,
                "features": draft.decision.features,
                "prompt_tokens": draft.prompt_tokens,
                "chosen": _plain(job.chosen),
                "support": [hit.chunk.content_hash for hit in draft.support],
                "hits": [
                    {
                        "source": hit.chunk.source,
                        "heading": hit.chunk.heading,
                        "score": round(hit.score, 4),
                        "lexical": round(hit.lexical, 4),
                        "fused": round(hit.fused, 4),
                        "content_hash": hit.chunk.content_hash,
                        "elsewhere": list(hit.chunk.elsewhere),
                        "supersedes": list(hit.chunk.supersedes),
                        "flags": list(hit.chunk.flags),
                    }
                    for hit in hits
                ],
            },
        )

    def _record(
        self, jobs: Sequence[Job], drafts: Sequence[Draft], answers: Sequence[Answer]
    ) -> list[Answer]:
        """Log the answers; an answer is worth more than its entry in the log.

        What the base model read is kept as well: it is what the next round would study, which
        looks at all documents.
        """
        now = time.time()
        entries = [
            AskRecord(
                id=0,
                asked_at=now,
                question=answer.question,
                vector=job.retrieval.vector,
                mode=answer.mode,
                route=answer.route,
                answer=answer.text,
                trace=answer.trace,
                hits=tuple(
                    HitRecord(hit.chunk.content_hash, hit.score, asdict(citation(hit)))
                    for hit in job.retrieval.hits
                ),
            )
            for job, answer in zip(jobs, answers, strict=True)
        ]
        try:
            ids = self._catalog.asks.record(entries)
            self._catalog.learning.add_study(
                self._reader.teacher,
                [
                    (draft.reading.content_hash, draft.reading.question, draft.reading.to_json())
                    for job, draft in zip(jobs, drafts, strict=True)
                    if draft.reading is not None
                    and draft.decision.adapter is None
                    and job.chosen is None
                ],
            )
        except (CatalogError, KnowledgeBaseBusyError) as error:
            log.warning("The answer could not be logged: %s", error)
            return list(answers)
        return [replace(answer, id=i) for answer, i in zip(answers, ids, strict=True)]


def check_question(question: str, max_chars: int) -> None:
    """Refuse what cannot be looked up.

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
    try:
        question.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"character {error.start + 1} of the question is {question[error.start]!a}, half of a "
            "character: give it as UTF-8."
        ) from error


def _plain(chosen: Filter | None) -> dict[str, Any] | None:
    """A filter as it comes back from the log."""
    return {**asdict(chosen), "metadata": dict(chosen.metadata)} if chosen else None


def citation(hit: Retrieved) -> Citation:
    """A retrieved chunk as the source of an answer."""
    chunk = hit.chunk
    return Citation(
        source=chunk.source,
        lines=chunk.lines,
        heading=chunk.heading,
        text=chunk.text,
        score=hit.score,
        page=chunk.page,
        root=chunk.root,
        content_hash=chunk.content_hash,
        elsewhere=chunk.elsewhere,
        supersedes=chunk.supersedes,
        flags=chunk.flags,
    )


def _as_reading(job: Job, reason: str) -> Job:
    """The job on the context route, since the answer from the weights would not do."""
    decision = replace(job.decision, route="context", adapter=None, reason=reason)
    return replace(job, decision=decision)
