"""Answering: retrieve, route, answer, cite and log, for one question or many.

`Answerer.answer` shows all steps. Knows nothing of how an adapter was trained.
"""

import logging
import math
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from ragcl.catalog import Catalog
from ragcl.catalog.asks import AskRecord
from ragcl.catalog.documents import Filter
from ragcl.catalog.learning import LearnedQuestion
from ragcl.catalog.passage import Passage
from ragcl.errors import CatalogError, KnowledgeBaseBusyError, RagclError, UsageError, check_text
from ragcl.generation.active_set import ActiveSet, Snapshot
from ragcl.generation.conversation import Conversation, History, checked
from ragcl.generation.influence import Influence, Shown, leave_one_out, likelihood
from ragcl.generation.judging import Judgement, JudgingReader
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.narrowing import Narrower, Sentence, excerpts
from ragcl.generation.passages import joined
from ragcl.generation.prompts import ABSTENTION, Prompts, abstention, is_abstention
from ragcl.generation.quotes import quotes
from ragcl.generation.quoting import Quoter, choose
from ragcl.generation.reading import Reading
from ragcl.generation.recall import by_nearness, likelihood_alone, recall
from ragcl.generation.recipe import READING
from ragcl.generation.routing import FIT, Decision, decide, in_passages, servable
from ragcl.generation.scoring import Prompt
from ragcl.generation.writing import Checker, Written
from ragcl.generation.writing import joined as joined_text
from ragcl.once import once
from ragcl.results import MODES, Answer, Chosen, Citation, Form, Mode, Trace, seen_as, traced
from ragcl.search.embedder import Embedder
from ragcl.search.retriever import Retrieval, Retriever, fused
from ragcl.settings import AnsweringSettings
from ragcl.text.answers import holds, same
from ragcl.text.sentences import split_sentences
from ragcl.text.several import asks_for_several

log = logging.getLogger(__name__)


UNPROVED = "the weights did not say what they were proved to know about this"


@dataclass(frozen=True)
class Job:
    """A question with its retrieval and its route.

    Questions that are answered together have the same filter `chosen` and the same snapshot of the
    active set.
    """

    question: str
    retrieval: Retrieval
    decision: Decision
    snapshot: Snapshot
    chosen: Filter | None = None
    asked: str | None = None  # the original, if a conversation rewrote the question


@dataclass(frozen=True)
class Draft:
    """An answer before it is finished: its route, its text, its support and its cost.

    `said` has the supporting sentences by content hash of their chunk; `forms` the reader's
    log-probability of each form of answer (nats). `fit`: that of a proved answer from the weights;
    None: it was not needed, or there is no such answer.
    """

    decision: Decision
    completion: Completion
    prompt_tokens: int
    support: tuple[Passage, ...]
    reading: Reading | None = None
    form: Form = "phrase"
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    forms: Mapping[str, float] = field(default_factory=dict)
    fit: float | None = None

    @property
    def silent(self) -> bool:
        """Whether it is an abstention; a span that was read is an answer, even "Unknown"."""
        if self.decision.route == "none":
            return True
        if self.reading is not None or self.form == "quotation":
            return not self.completion.text.strip()
        return is_abstention(self.completion.text)

    @property
    def shortcoming(self) -> str | None:
        """Why an answer from the weights is not accepted; None if it is."""
        needed, expected = self.decision.min_confidence, self.decision.expected
        fits = self.decision.min_fit
        if needed is not None and self.completion.logprob < needed:
            return f"the weights were less sure of their answer than the calibrated {needed:.2f}"
        if expected is not None and not same(self.completion.text, expected):
            return UNPROVED
        if fits is None:
            return None
        if self.fit is None:
            return UNPROVED
        if self.fit < fits:
            return f"the passage says it less clearly ({self.fit:.2f}) than the needed {fits:.2f}"
        return None


@dataclass(frozen=True)
class Found:
    """A question and what it retrieved; `asked` is the original, if a conversation rewrote it.

    `trusted` is what trusted folders alone hold for it; None: all that it retrieved is of them.
    """

    question: str
    retrieval: Retrieval
    asked: str | None
    trusted: Retrieval | None = None


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
        self._catalog = catalog
        self._retriever = retriever
        self._model = model
        self._settings = settings
        self.active = ActiveSet(catalog, model, adapters)
        self._reader = JudgingReader(model, narrower, settings.context_tokens)
        self._conversation = Conversation(retriever, model, settings)
        self._said = False

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
        found = self._retrieved(questions, chosen, turns)
        with self.active.taken(chosen, _embedder(found)) as snapshot:
            attempts = [self._attempts(one, mode, snapshot, chosen) for one in found]
            jobs, drafts = self._tried(attempts, progress or (lambda _: None))
        seconds = (time.time() - started) / max(1, len(jobs))
        answers = [
            self._finish(job, mode, draft, seconds) for job, draft in zip(jobs, drafts, strict=True)
        ]
        return self._record(jobs, drafts, answers) if record else answers

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

    def influence(self, ask: AskRecord) -> Influence:
        """The influence of the sources on a logged answer, with their current text.

        For an answer from the weights it is measured on the prompt that the base model would read.
        Nothing is measured for an abstention, or for an adapter that is no longer active.
        """
        if ask.route == "none" or not ask.answer:
            return Influence({}, None)
        with self.active.taken() as snapshot:
            return self._influence(ask, snapshot)

    def _influence(self, ask: AskRecord, snapshot: Snapshot) -> Influence:
        adapter = ask.trace.adapter
        active = {one.id for one in snapshot.adapters.adapters}
        if ask.route == "both" and adapter is not None and adapter not in active:
            return Influence({}, None)
        current = self._catalog.documents.current(hit.content_hash for hit in ask.hits)
        calibration = self._retriever.calibrate()
        hits = tuple(
            replace(
                current[hit.content_hash],
                score=hit.score,
                lexical=hit.lexical,
                fused=fused(calibration.passages(hit.score), hit.lexical),
            )
            for hit in ask.hits
            if hit.content_hash in current
        )
        reads = adapter if ask.route == "both" else None
        embedder = self._retriever.embedder
        [vector] = embedder.encode_questions([ask.question])
        retrieval = Retrieval(vector, hits, calibration, embedder=embedder)
        job = Job(ask.question, retrieval, Decision("context", reads, ""), snapshot)
        form = ask.trace.form
        shown = self._shown(job, form)

        def compose(texts: Sequence[str]) -> Prompt:
            budget = self._settings.context_tokens
            if form == "written":
                return self._prompts.for_writing(ask.question, texts, budget)
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
        self, question: str, mode: Mode, record: bool, chosen: Filter | None, turns: History
    ) -> Iterator[str | Answer]:
        started = time.time()
        found = self._retrieved([question], chosen, turns)
        with self.active.taken(chosen, _embedder(found)) as snapshot:
            for job in self._attempts(found[0], mode, snapshot, chosen):
                reads = job.decision.route in ("context", "both")
                written = reads and self._settings.reading == "write"
                if written:
                    draft = yield from self._stream_written(job)
                else:  # a span or a quotation is complete at once
                    [draft] = self._draft([job], lambda _: None)
                if not draft.silent:
                    break
            answer = self._finish(job, mode, draft, time.time() - started)
        if not written or answer.abstained:
            yield from re.findall(r"\s*\S+", answer.text)
        yield self._record([job], [draft], [answer])[0] if record else answer

    @once
    def _prompts(self) -> Prompts:
        return Prompts.of(self._model)

    @once
    def _quoter(self) -> Quoter:
        return Quoter(self._model, self._prompts)

    def _check(self, questions: Sequence[str], mode: Mode, history: History) -> History:
        """Refuse invalid arguments; returns the checked history."""
        if mode not in MODES:
            raise UsageError(f"mode {mode!r} is unknown: use one of {', '.join(MODES)}.")
        turns = checked(history)
        for question in [*questions, *(earlier for earlier, _ in turns)]:
            check_question(question, self._settings.max_question_chars)
        return turns

    def _retrieved(
        self, asked: Sequence[str], chosen: Filter | None, turns: History
    ) -> list[Found]:
        """Rewrite follow-up questions to stand alone, and retrieve."""
        questions = [self._conversation.stand_alone(one, turns, chosen) for one in asked]
        passages = self._settings.passages
        retrievals = self._retriever.retrieve(questions, passages, chosen, whole_tables=True)
        said = asked if turns else [None] * len(questions)
        found = [
            Found(question, retrieval, original)
            for question, retrieval, original in zip(questions, retrievals, said, strict=True)
        ]
        mixed = [
            i for i, one in enumerate(found) if not all(hit.trusted for hit in one.retrieval.hits)
        ]
        if mixed:
            firm = self._retriever.retrieve(
                [questions[i] for i in mixed], passages, chosen, whole_tables=True, trusted=True
            )
            for i, retrieval in zip(mixed, firm, strict=True):
                found[i] = replace(found[i], trusted=retrieval)
        return found

    def _attempts(
        self, found: Found, mode: Mode, snapshot: Snapshot, chosen: Filter | None
    ) -> list[Job]:
        """The jobs for a question, of which the first that is answered counts.

        What is untrusted, anybody may have written, and made it fit the question best: it is read
        only where the trusted passages are irrelevant or do not answer.
        """
        every = self._job(found, found.retrieval, mode, snapshot, chosen)
        if found.trusted is None:
            return [every]
        firm = self._job(found, found.trusted, mode, snapshot, chosen)
        if firm.decision.route == "none" or firm.decision.doubt:
            return [every]
        reason = (
            f"{firm.decision.reason}; untrusted passages are read only if trusted ones are silent"
        )
        firm = replace(firm, decision=replace(firm.decision, reason=reason))
        return [firm] if mode == "weights" else [firm, every]

    def _job(
        self,
        found: Found,
        retrieval: Retrieval,
        mode: Mode,
        snapshot: Snapshot,
        chosen: Filter | None,
    ) -> Job:
        """The question with its route."""
        # Asked only where something is read: another model's thresholds may have to be measured.
        reads = mode != "weights" and self._settings.reading != "quote"
        decision = decide(
            mode,
            found.question,
            retrieval,
            snapshot.adapters,
            snapshot.current,
            self._settings.false_answers,
            snapshot.demoted,
            reader_tells=reads and self._reader.forms.tells_unknown,
            several=asks_for_several(found.question),
            filtered=bool(chosen),
        )
        if chosen and decision.route == "weights" and decision.adapter is None:
            reason = "no adapter holds anything of the documents chosen"
            decision = Decision("none", None, reason)
        return Job(found.question, retrieval, decision, snapshot, chosen, found.asked)

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
        reads = self._write if self._settings.reading == "write" else self._read
        read = reads(reading, progress)
        drafts.update(zip(places, read, strict=True))
        return [drafts[i] for i in range(len(jobs))]

    def _remember(self, jobs: Sequence[Job]) -> list[Draft]:
        """Answer closed-book: an adapter recalls, the base model generates."""
        drafts: dict[int, Draft] = {}
        for adapter in dict.fromkeys(job.decision.adapter for job in jobs):
            places = [i for i, job in enumerate(jobs) if job.decision.adapter == adapter]
            some = [jobs[i] for i in places]
            said = self._from_memory(some) if adapter is None else self._recall(some, adapter)
            drafts.update(zip(places, said, strict=True))
        return [drafts[i] for i in range(len(jobs))]

    def _recall(self, jobs: Sequence[Job], adapter: str) -> list[Draft]:
        """Choose among the trained answers about the retrieved passages, so that each can be cited.

        If the very question was trained, likelihood alone chooses; otherwise the similarity of the
        questions is a prior.
        """
        taught = []
        for job in jobs:
            passages = [key for key in job.retrieval.found if key in job.snapshot.chosen]
            taught.append(job.snapshot.adapters.taught(adapter, passages, job.retrieval.vector))
        choices = [
            likelihood_alone(told)
            if job.decision.expected is not None
            else by_nearness(
                {
                    answer: job.retrieval.calibration.questions(cosine)
                    for answer, (cosine, _) in told.items()
                }
            )
            for job, told in zip(jobs, taught, strict=True)
        ]
        prompts = [self._prompts.closed_book(job.question) for job in jobs]
        completions = recall(self._model, prompts, choices, adapter=adapter)
        drafts = []
        for job, told, prompt, said in zip(jobs, taught, prompts, completions, strict=True):
            learned = told[said.text][1] if said.text in told else None
            about = learned.content_hash if learned else ""
            source = tuple(hit for hit in job.retrieval.hits if hit.content_hash == about)
            held = [
                one for hit in source for one in split_sentences(hit.text) if holds(one, said.text)
            ]
            first = next(iter(job.retrieval.found), "")
            fit, more = self._fit(job, said, servable(told, said.text, first))
            decision = job.decision
            if fit is not None and more:
                decision = replace(decision, features={**(decision.features or {}), FIT: fit})
            tokens = len(prompt.ids) + more
            drafts.append(Draft(decision, said, tokens, source, said={about: held[:1]}, fit=fit))
        return drafts

    def _fit(
        self, job: Job, said: Completion, learned: LearnedQuestion | None
    ) -> tuple[float | None, int]:
        """The fit of a servable answer, if one is needed, and the length of the prompt it took.

        It is how much likelier the answer is than to the question that it was learned for, in nats.
        """
        decision = job.decision
        if decision.min_fit is None or learned is None or learned.likelihood is None:
            return None, 0
        if decision.min_confidence is not None and said.logprob < decision.min_confidence:
            return None, 0  # it is not served, whatever its fit
        best = job.retrieval.hits[0]
        found = self._reader.likelihood(job.question, best, learned.question, learned.answer)
        return (None, 0) if found is None else (round(found[0] - learned.likelihood, 4), found[1])

    def _from_memory(self, jobs: Sequence[Job]) -> list[Draft]:
        """Generate answers with the base model, without passages."""
        prompts = [self._prompts.closed_book(job.question) for job in jobs]
        completions = self._model.generate(prompts, max_new_tokens=READING.written_tokens)
        # Without passages no text of this knowledge base supports it.
        return [
            Draft(job.decision, completion, len(prompt.ids), ())
            for job, prompt, completion in zip(jobs, prompts, completions, strict=True)
        ]

    def _write(self, jobs: Sequence[Job], progress: Callable[[int], None]) -> list[Draft]:
        """Generate answers from the passages, and keep the sentences that they support.

        The reader decides whether to abstain, as it was calibrated. A small model that is told how
        to abstain abstains from half of the questions that it could answer.
        """
        ranked = self._reader.rank([job.question for job in jobs], [job.retrieval for job in jobs])
        seen = [self._judge(job, some) for job, some in zip(jobs, ranked, strict=True)]
        drafts = {i: _unanswered(jobs[i], one) for i, one in enumerate(seen) if one.form == "none"}
        progress(len(drafts))
        for adapter in dict.fromkeys(job.decision.adapter for job in jobs):
            places = [
                i
                for i, job in enumerate(jobs)
                if job.decision.adapter == adapter and i not in drafts
            ]
            prompts = [self._written_prompt(jobs[i]) for i in places]
            completions = self._model.generate(
                [prompt for prompt, _ in prompts],
                adapter=adapter,
                max_new_tokens=self._settings.max_new_tokens,
                progress=progress,
            )
            for i, (prompt, support), completion in zip(places, prompts, completions, strict=True):
                kept = _checker(support).checked(completion.text)
                tokens = seen[i].prompt_tokens + len(prompt.ids)
                drafts[i] = self._written(jobs[i], ranked[i], tokens, support, completion, kept)
        return [drafts[i] for i in range(len(jobs))]

    def _stream_written(self, job: Job) -> Generator[str, None, Draft]:
        """As `_write`, but each kept sentence is streamed at once; of an abstention, nothing."""
        [ranked] = self._reader.rank([job.question], [job.retrieval])
        seen = self._judge(job, ranked)
        if seen.form == "none":
            return _unanswered(job, seen)
        prompt, support = self._written_prompt(job)
        last = Completion("", (), 0.0)

        def pieces() -> Iterator[str]:
            nonlocal last
            for piece in self._model.stream(
                prompt,
                adapter=job.decision.adapter,
                max_new_tokens=self._settings.max_new_tokens,
            ):
                if isinstance(piece, Completion):
                    last = piece
                else:
                    yield piece

        kept: list[Written] = []
        shown = ""
        for sentence in _checker(support).stream(pieces()):
            kept.append(sentence)
            text = joined_text(kept)
            yield text[len(shown) :]
            shown = text
        tokens = seen.prompt_tokens + len(prompt.ids)
        draft = self._written(job, ranked, tokens, support, last, kept)
        if not kept:
            yield draft.completion.text
        return draft

    def _written(
        self,
        job: Job,
        ranked: Sequence[Sentence],
        tokens: int,
        support: tuple[Passage, ...],
        completion: Completion,
        kept: Sequence[Written],
    ) -> Draft:
        """The draft of the written sentences that stay; a quotation if none does."""
        if not kept:
            return self._quotation(job, ranked, tokens, {})
        said: dict[str, list[str]] = {}
        for one in kept:
            for number, sentence in one.rests_on:
                said.setdefault(support[number].content_hash, []).append(sentence)
        text = replace(completion, text=joined_text(kept))
        return Draft(job.decision, text, tokens, support, form="written", said=said)

    def _read(self, jobs: Sequence[Job], progress: Callable[[int], None]) -> list[Draft]:
        """Read the answers from the passages: a phrase, a quotation or an abstention."""
        drafts = []
        ranked = self._reader.rank([job.question for job in jobs], [job.retrieval for job in jobs])
        for job, sentences in zip(jobs, ranked, strict=True):
            drafts.append(self._draft_read(job, sentences))
            progress(1)
        return drafts

    def _draft_read(self, job: Job, ranked: Sequence[Sentence]) -> Draft:
        wanted = self._settings.reading
        if wanted == "quote":
            return self._quotation(job, ranked, 0, {})
        seen = self._judge(job, ranked)
        if seen.form == "none":
            return _unanswered(job, seen)
        outlook, tokens, adapter = seen.outlook, seen.prompt_tokens, job.decision.adapter
        reading = outlook.reading
        if seen.form == "phrase" and adapter is not None and not outlook.looked_up:
            reading = self._reader.read(job.question, job.retrieval, seen.shown, adapter)
            tokens += len(self._reader.prompt(job.question, seen.shown).ids)
        # If a phrase is doubtful, its sentences are quoted.
        sure = self._reader.forms.sure
        scrap = reading is None or seen.form == "quotation" or reading.trust < sure
        if reading is None or (scrap and wanted == "auto"):
            return self._quotation(job, ranked, tokens, seen.likely)
        own = [one.text for one in seen.shown if reading.holds(one)][-1:]
        sources = [reading.content_hash, *(one.content_hash for one in reversed(seen.shown))]
        return Draft(
            job.decision,
            Completion(reading.answer, reading.ids, reading.logprob),
            tokens,
            self._supporting(job, sources),
            reading,
            said={reading.content_hash: own},
            forms=seen.likely,
        )

    def _judge(self, job: Job, ranked: Sequence[Sentence]) -> Judgement:
        return self._reader.judge(
            job.question,
            job.retrieval,
            ranked,
            self._settings.false_abstentions,
            doubt=job.decision.doubt is not None,
        )

    def _quotation(
        self, job: Job, ranked: Sequence[Sentence], tokens: int, likely: Mapping[str, float]
    ) -> Draft:
        """The sentences that answer, word for word; chosen by the base model alone."""
        weights, more = self._quoter.weigh(job.question, ranked)
        said: dict[str, list[str]] = {}
        for one in choose(weights):
            said.setdefault(one.content_hash, []).append(one.text)
        support = self._supporting(job, list(said))
        text = "\n".join(one.text for hit in support for one in quotes(hit, said[hit.content_hash]))
        share = max((one.begins for one in weights), default=0.0)
        decision = replace(job.decision, route="context", adapter=None)
        return Draft(
            decision,
            Completion(text, (), math.log(share) if share else 0.0),
            tokens + more,
            support,
            form="quotation",
            said=said,
            forms=likely,
        )

    @staticmethod
    def _supporting(job: Job, keys: Sequence[str]) -> tuple[Passage, ...]:
        """The hits with these content hashes, each once and in this order."""
        by_hash = {hit.content_hash: hit for hit in job.retrieval.hits}
        return tuple(by_hash[key] for key in dict.fromkeys(keys))

    def _written_prompt(self, job: Job) -> tuple[Prompt, tuple[Passage, ...]]:
        """The prompt for free writing, and the hits in it."""
        support = self._support(job)
        texts = [hit.headed for hit in support]
        budget = self._settings.context_tokens
        return self._prompts.for_writing(job.question, texts, budget), tuple(support)

    def _support(self, job: Job) -> list[Passage]:
        """The hits that fit into a prompt for free writing."""
        hits = job.retrieval.hits
        budget = self._settings.context_tokens
        shown = hits[: self._prompts.fitting([hit.headed for hit in hits], budget)]
        beside = self._catalog.documents.beside
        return joined(shown, beside, self._prompts.count_tokens, budget)

    def _shown(self, job: Job, form: Form) -> list[Shown]:
        """The parts of the hits in the prompt of an answer of this form, in its order."""
        if form == "written":
            return [Shown(hit.headed, hit.content_hash) for hit in self._support(job)]
        [ranked] = self._reader.rank([job.question], [job.retrieval])
        reads = self._quoter if form == "quotation" else self._reader
        sentences = reads.fitting(ranked)
        return [Shown(one.text, one.content_hash) for one in excerpts(sentences)]

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

    def _record(
        self, jobs: Sequence[Job], drafts: Sequence[Draft], answers: Sequence[Answer]
    ) -> list[Answer]:
        """Log the answers; an answer is returned even if it cannot be logged.

        Readings of the base model on all documents are stored for the next round's study.
        """
        if self._catalog.database.read_only:
            self._say_that_nothing_is_logged()
            return list(answers)
        now = time.time()
        embedder = jobs[0].retrieval.embedder if jobs else None
        entries = [
            AskRecord(
                id=0,
                asked_at=now,
                question=answer.question,
                mode=answer.mode,
                route=answer.route,
                answer=answer.text,
                trace=answer.trace,
                hits=job.retrieval.hits,
            )
            for job, answer in zip(jobs, answers, strict=True)
        ]
        try:
            ids = self._catalog.asks.record(entries)
            self._catalog.learning.add_study(
                self._reader.teacher(embedder),
                [
                    draft.reading.stored()
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

    def _say_that_nothing_is_logged(self) -> None:
        if not self._said:
            log.warning(
                "No question is logged: %s may not be written.", self._catalog.database.path
            )
        self._said = True


def _embedder(found: Sequence[Found]) -> Embedder | None:
    """The embedder of the questions, which were all retrieved for at once."""
    return found[0].retrieval.embedder if found else None


def _checker(support: Sequence[Passage]) -> Checker:
    return Checker([hit.headed for hit in support])


def _unanswered(job: Job, seen: Judgement) -> Draft:
    """The draft that abstains, since the reader found no answer."""
    reason = job.decision.doubt or "the passages found do not say it"
    decision = replace(job.decision, route="none", adapter=None, reason=reason)
    unknown = Completion(ABSTENTION, (), 0.0)
    return Draft(decision, unknown, seen.prompt_tokens, (), form="none", forms=seen.likely)


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
