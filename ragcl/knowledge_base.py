"""KnowledgeBase: the public API; every verb is a method of it.

It opens a folder and delegates each verb to the module that does it. Models are loaded on first
use.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload
from weakref import WeakSet

from ragcl.catalog import Catalog
from ragcl.catalog.asks import AskRecord
from ragcl.errors import (
    CatalogError,
    KnowledgeBaseBusyError,
    UsageError,
    check_path,
    check_text,
)
from ragcl.files.locks import locked
from ragcl.models import measured, model_files
from ragcl.once import drop_parts, forget_parts, once
from ragcl.progress import Lines, Progress
from ragcl.results import (
    Answer,
    ConsolidationReport,
    DoctorReport,
    Evaluation,
    EvaluationReport,
    Explanation,
    ForgetAsksReport,
    ForgetReport,
    Hit,
    IngestReport,
    Mode,
    ModelsReport,
    RollbackReport,
    Status,
    seen_as,
)
from ragcl.settings import Settings, checked, load, write_models

if TYPE_CHECKING:
    from ragcl.generation.answering import Answerer, AnswerStream
    from ragcl.generation.language_model import LanguageModel
    from ragcl.generation.narrowing import Narrower
    from ragcl.search.embedder import Embedder
    from ragcl.search.embedders import Embedders
    from ragcl.search.filters import Moment
    from ragcl.search.reranker import Reranker
    from ragcl.search.retriever import Retriever

log = logging.getLogger(__name__)

_MOST_HITS = 2**31 - 1  # which a database counts
# Every part of a knowledge base that holds a model, or a lock.
PARTS = ("_answerer", "_language_model", "_narrower", "_retriever", "_reranker", "_embedders")


def _logged() -> Progress:
    """Progress as lines of the log, at the level INFO."""
    return Lines(log.info)


class KnowledgeBase:
    """A folder with a catalog, an index and adapters; may be used from several threads.

    Use `KnowledgeBase.open`. Several processes may have the same knowledge base open: each sees the
    changes of another at its next call. A forked process may use it too, and loads the models
    again. In a read-only folder all that changes nothing works, and no question is logged.
    """

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        """Open the knowledge base in `folder`; see `open`."""
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{folder} cannot be a knowledge base: {error.strerror}. Name another folder."
            ) from error
        self.settings = settings or load(folder)
        self.catalog = Catalog(folder)
        self._loads_again = False
        _OPEN.add(self)

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        *,
        settings: Settings | Mapping[str, Any] | None = None,
    ) -> Self:
        """Open the knowledge base in `folder`, which is created on first use.

        Args:
            folder: of the knowledge base.
            settings: used instead of its `ragcl.toml`, in the same form: `{"answering": {…}}`. The
                environment has precedence over both.

        Raises:
            UsageError: the folder cannot be created.
            SettingsError: an unknown key or an invalid value in its `ragcl.toml` or in `settings`.
            CatalogError: its catalog is damaged or from a newer version.
        """
        if settings is not None and not isinstance(settings, Settings):
            settings = checked(settings, "settings")
        return cls(Path(folder).resolve(), settings)

    def __enter__(self) -> Self:
        """Nothing to do: `open` has done it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the catalog and release the models; later use is an error.

        Nothing that was reported as done is lost without it. Waits for a running rebuild of the
        index, which takes a minute or two for a million chunks.
        """
        if "_retriever" in vars(self):
            self._retriever.close()
        self.catalog.close()
        forget_parts(self, PARTS)

    def _begin_anew(self) -> None:
        """In a forked process: drop the models and locks of the parent."""
        self._loads_again |= "_embedders" in vars(self)
        forget_parts(self, PARTS)

    # Documents

    def ingest(
        self,
        folder: str | os.PathLike[str],
        *,
        allow_empty: bool = True,
        trusted: bool | None = None,
        progress: Progress | None = None,
    ) -> IngestReport:
        """Update the knowledge base from a folder of documents.

        A file in several ingested folders is one document. New and changed files are read,
        unchanged ones are not opened, and documents of deleted files are removed. A file that fails
        keeps its old version and is reported.

        Args:
            folder: stored by its absolute path.
            allow_empty: False refuses to remove all documents of an empty folder, whose drive may
                not be mounted.
            trusted: whether the model may learn from this folder; None: as before, at first yes. An
                untrusted text is never answered from the weights, and answers only what trusted
                text does not, with effect at once. A folder inside an untrusted one is untrusted
                too.
            progress: called as the work goes on, with the stage, how many are done, and how many
                there are; None: lines of the log, at the level INFO.

        Raises:
            UsageError: there is no such folder; `FolderUnavailableError` if there was one.
            KnowledgeBaseBusyError: another process is ingesting.
        """
        from ragcl.ingestion import ingest_folder

        check_path(os.fspath(folder))
        self._drop_old_asks()
        with self._writer():
            return ingest_folder(
                Path(folder),
                self.catalog,
                self._embedder,
                self._retriever,
                self.settings.ingest,
                exclude=self.folder,
                allow_empty=allow_empty,
                trusted=trusted,
                progress=progress or _logged(),
            )

    def forget(self, path: str | os.PathLike[str]) -> ForgetReport:
        """Remove a document or a folder, and every trace of it in the knowledge base.

        A folder is removed with all that is in it; it may be a part of an ingested folder.

        Adapters that learned it are removed: the index answers in their place, and the next round
        trains them again without it. Running answers and rounds store nothing of it.

        Args:
            path: of the file or folder, which may be gone; or the path as in citations.

        Raises:
            UsageError: the path is unknown, or names several documents.
            KnowledgeBaseBusyError: another process is changing it; or it is removed, but another
                process prevented the purge of the files. Forgetting it again finishes the purge.
            CatalogError: it is removed, but the files could not be purged; the same holds.
        """
        from ragcl.forgetting import forget

        check_path(os.fspath(path))
        retriever = self._retriever  # before anything is changed: its model may be missing
        with self._writer():
            return forget(os.fspath(path), self.folder, self.catalog, retriever)

    def forget_asks(
        self, ids: Iterable[int] = (), *, before: "Moment | None" = None
    ) -> ForgetAsksReport:
        """Remove questions from the log, with their answers, feedback and what was learned of them.

        A question that other asks have word for word stays learned. Adapters that learned a removed
        question are removed, as by `forget`.

        Args:
            ids: the ids of recorded answers.
            before: also all questions before this moment, or before this day.

        Raises:
            UsageError: an id that no answer ever had, an invalid date, or no argument.
            KnowledgeBaseBusyError: as for `forget`.
            CatalogError: as for `forget`.
        """
        from ragcl.forgetting import forget_asks
        from ragcl.search.filters import seconds

        wanted = sorted(set(ids))
        if not wanted and before is None:
            raise UsageError("nothing is named: give the ids of answers, or a date.")
        moment = None if before is None else seconds(before, "before")
        with self._writer():
            return forget_asks(wanted, moment, self.folder, self.catalog)

    def _drop_old_asks(self) -> None:
        from ragcl.forgetting import drop_old_asks

        drop_old_asks(self.catalog, self.settings.answering.keep_asks_days)

    # Questions

    def search(
        self,
        question: str,
        k: int = 5,
        *,
        source: str | None = None,
        since: "Moment | None" = None,
        until: "Moment | None" = None,
        where: Mapping[str, str] | None = None,
    ) -> list[Hit]:
        """The `k` best chunks for a question, best first; not logged.

        Args:
            question: a question, or keywords.
            k: how many; fewer are returned only if the filters accept fewer chunks.
            source: a glob over the file's path, relative to the ingested folder or absolute; `*`
                matches `/` too.
            since: the earliest last change of the file: a date, or a text like `2026-01-31`.
            until: the latest last change; a day includes its end.
            where: globs over the file's metadata, such as `{"author": "*holm*"}`: front matter, the
                properties of an office document, the meta elements of a page, the header of an
                e-mail. Case does not count.

        Raises:
            UsageError: an empty or overlong question, an invalid date, or `k` < 1.
        """
        from ragcl.generation.answering import check_question
        from ragcl.search.filters import make_filter

        check_question(question, self.settings.answering.max_question_chars)
        if k < 1:
            raise UsageError(f"k = {k}: ask for at least one hit.")
        chosen = make_filter(source, since, until, where)
        found = self._retriever.retrieve([question], min(k, _MOST_HITS), chosen)[0].hits
        return [seen_as(Hit, passage) for passage in found]

    @overload
    def ask(
        self,
        question: str,
        *,
        history: Sequence[tuple[str, str]] = ...,
        mode: Mode = ...,
        stream: Literal[False] = ...,
        record: bool = ...,
        source: str | None = ...,
        since: "Moment | None" = ...,
        until: "Moment | None" = ...,
        where: Mapping[str, str] | None = ...,
    ) -> Answer: ...

    @overload
    def ask(
        self,
        question: str,
        *,
        history: Sequence[tuple[str, str]] = ...,
        mode: Mode = ...,
        stream: Literal[True],
        record: bool = ...,
        source: str | None = ...,
        since: "Moment | None" = ...,
        until: "Moment | None" = ...,
        where: Mapping[str, str] | None = ...,
    ) -> "AnswerStream": ...

    def ask(
        self,
        question: str,
        *,
        history: Sequence[tuple[str, str]] = (),
        mode: Mode = "auto",
        stream: bool = False,
        record: bool = True,
        source: str | None = None,
        since: "Moment | None" = None,
        until: "Moment | None" = None,
        where: Mapping[str, str] | None = None,
    ) -> "Answer | AnswerStream":
        """Answer one question.

        Args:
            question: in plain words.
            history: the earlier (question, answer) pairs of a conversation, oldest first. A
                follow-up is rewritten to stand alone before it is looked up and logged. The
                answer's `question` is the rewritten one; the original is in the trace.
            mode: `auto` lets the router choose; `context`, `weights` and `both` force a route.
            stream: return the answer in pieces as they come; `.result` is the answer afterwards.
            record: whether the question enters the log that consolidation learns from.
            source: filters the documents, as for `search`.
            since: the same.
            until: the same.
            where: the same. The weights answer only what they learned from these documents.

        Raises:
            UsageError: an empty or overlong question, an unknown mode, an invalid date, or a
                history that is no list of pairs of texts.
            ModelNotFoundError: a model is not on this machine.
        """
        from ragcl.search.filters import make_filter

        chosen = make_filter(source, since, until, where)
        answerer = self._answerer
        if stream:
            return answerer.stream(question, mode, record=record, chosen=chosen, history=history)
        return answerer.answer([question], mode, record=record, chosen=chosen, history=history)[0]

    def ask_many(
        self,
        questions: Sequence[str],
        *,
        mode: Mode = "auto",
        record: bool = True,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Answer many questions in batches; the answers are in the order given."""
        progress = progress or _logged()
        done = 0

        def answered(count: int) -> None:
            nonlocal done
            done += count
            progress("answering", done, len(questions))

        return self._answerer.answer(questions, mode, record=record, progress=answered)

    def feedback(self, answer_id: int, rating: int, correction: str | None = None) -> None:
        """Rate or correct an answer, which the next round takes into account.

        Args:
            answer_id: the `id` of a recorded answer.
            rating: -1 (bad), 0 or 1 (good).
            correction: what the answer should have been.

        Raises:
            UsageError: there is no such answer or rating, or the correction is no text.
        """
        if rating not in (-1, 0, 1):
            raise UsageError(f"rating {rating} is not -1, 0 or 1.")
        check_text(correction or "", "the correction")
        self._ask_record(answer_id)
        self.catalog.asks.add_feedback(answer_id, rating, correction or None, time.time())

    def explain(self, answer_id: int, *, influence: bool = False) -> Explanation:
        """Why an answer was given, from which text, and whether that text is still current.

        Args:
            answer_id: the `id` of a recorded answer.
            influence: also measure the influence of each source, and of the weights, on the answer.
                This runs the language model, and takes seconds.

        Raises:
            UsageError: there is no such answer.
        """
        from ragcl.generation.explaining import explanation

        ask = self._ask_record(answer_id)
        measured = self._answerer.attribution.of(ask) if influence else None
        return explanation(ask, self.catalog, measured)

    def _ask_record(self, answer_id: int) -> AskRecord:
        ask = self.catalog.asks.get(answer_id) if 0 < answer_id < 2**63 else None
        if ask is None:
            raise UsageError(f"there is no answer {answer_id} in the log.")
        return ask

    # Learning

    def consolidate(
        self, *, if_due: bool = False, progress: Progress | None = None
    ) -> ConsolidationReport:
        """Run one round: train adapters on what is asked often, and promote them behind the gate.

        A round that was killed, or reached its time limit, is resumed. Questions are answered
        meanwhile. Of the processes that `accelerate launch` starts, the first runs the round, and
        the others are workers for the training.

        Args:
            if_due: do nothing if all that is hot is learned already.
            progress: called as the work goes on, with the stage, how many are done, and how many
                there are; None: lines of the log, at the level INFO.

        Raises:
            KnowledgeBaseBusyError: another round is running.
            SettingsError: the model has no module named in `targets`, or the tracker's package is
                not installed.
        """
        from ragcl.consolidation import promotion
        from ragcl.consolidation.round import Round, train_as_worker
        from ragcl.consolidation.training import together

        if not together.is_first():
            return train_as_worker(self.settings)
        with self._locked(promotion.LOCK, "another consolidation is running"):
            self._drop_old_asks()
            return Round(
                self.folder, self.catalog, self._retriever, self._narrower, self.settings
            ).run(if_due=if_due, progress=progress or _logged())

    def rollback(self) -> RollbackReport:
        """Make the adapters before the last promotion active again.

        If they were trained on text that is gone, no adapter is active, and the index answers.
        """
        before, now = self.catalog.learning.rollback()
        if before is None:
            raise UsageError("no adapter is active: there is nothing to roll back.")
        self.catalog.database.checkpoint()
        return RollbackReport(before, now, [a.id for a in self.catalog.learning.active()[1]])

    # Models

    def use_models(
        self,
        language_model: str | None = None,
        embedder: str | None = None,
        *,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        confirm: Callable[[ModelsReport], bool] = lambda _plan: True,
        progress: Progress | None = None,
    ) -> ModelsReport:
        """Use other models from now on, and write that to `ragcl.toml`.

        With another embedder all chunks are embedded again. Questions are answered meanwhile with
        the present one, and documents ingested; when all are done, every process uses the new one
        at its next call. A change that was killed is continued by the next call. Another language
        model is used by this object, and by what opens the knowledge base afterwards.

        Adapters answer only with the models that they were trained and verified with. They are
        kept, and answer again after the way back, until the second promotion of others.

        Args:
            language_model: `default`, a folder, or the id of a model on the hub; None: as it is.
            embedder: the same. The one in use ends a change to another one.
            query_prompt: before a question, for the new embedder. Without prompts those are used
                that it was measured with, else those of its folder.
            document_prompt: before a passage.
            confirm: gets what will be done and how long it takes; False: nothing is done.
            progress: called as the work goes on.

        Raises:
            UsageError: no model is named, or the environment names another one.
            ModelNotFoundError: a model is not on this machine.
            KnowledgeBaseBusyError: another process is changing the models.
        """
        from ragcl.consolidation import promotion
        from ragcl.generation import calibrating
        from ragcl.search.embedders import Choice
        from ragcl.switching import Switch

        started = time.time()
        progress = progress or _logged()
        if not language_model and not embedder:
            raise UsageError("no model is named: name a language model, an embedder, or both.")
        with self._locked("models.lock", "another process is changing its models"):
            choice = None
            if embedder:
                known = measured.prompts(embedder)
                given = (query_prompt, document_prompt)
                prompts = known if given == (None, None) else given
                choice = Choice(model_files.lasting(embedder), *prompts)
            switch = Switch(
                self.folder,
                self.catalog,
                self.settings,
                model_files.lasting(language_model) if language_model else None,
                choice,
            )
            plan = switch.plan()
            if not confirm(plan):
                return plan
            switch.embed(progress)
            with (
                self._locked(promotion.LOCK, "a round is running", progress),
                self._locked("write.lock", "documents are being changed", progress),
            ):
                switch.commit(progress)
                write_models(self.folder, switch.changes)
                self.settings = self.settings.model_copy(update={"models": switch.models})
                if switch.embedder is not None:
                    self._embedders.take(switch.embedder)
                    # At once, so that other processes need not.
                    self._retriever.calibrate()
                    self._retriever.save()
            if language_model:
                drop_parts(self, ("_answerer", "_language_model"))
                # At once, so that the first question need not.
                calibrating.forms_of(self._language_model)
        return replace(
            plan, adapters=switch.usable(), done=True, seconds=round(time.time() - started, 1)
        )

    # Inspection

    def evaluate(
        self,
        questions: str | os.PathLike[str],
        *,
        mode: Mode = "auto",
        progress: Progress | None = None,
    ) -> EvaluationReport:
        """Answer a question file and score the answers; the questions are not logged.

        The scores, without the questions, are stored for `evaluations`.

        Args:
            questions: JSON lines with `question` and `answers` (accepted strings).
            mode: as for `ask`.
            progress: called as the work goes on, with the stage, how many are done, and how many
                there are; None: lines of the log, at the level INFO.
        """
        from ragcl.evaluation.metrics import read_questions, score, stored

        path = Path(questions)
        asked = read_questions(path)
        sha256 = model_files.sha256(path)
        started = time.time()
        answers = self.ask_many(
            [one.question for one in asked], mode=mode, record=False, progress=progress
        )
        report = score(mode, asked, answers, time.time() - started)
        try:
            adapter_set = answers[0].trace.adapter_set
            self.catalog.evaluations.add(stored(report, path.name, sha256, started, adapter_set))
        except (CatalogError, KnowledgeBaseBusyError) as error:
            log.warning("The evaluation could not be kept: %s", error)
        return report

    def evaluations(self, questions: str | os.PathLike[str] | None = None) -> list[Evaluation]:
        """The evaluations so far, grouped by question file, oldest first.

        Args:
            questions: only those of this question file, by its name or its content.
        """
        found = self.catalog.evaluations.all()
        if questions is not None:
            path = Path(questions)
            sha256 = model_files.sha256(path) if path.is_file() else None
            found = [one for one in found if one.sha256 == sha256 or one.file == path.name]
        places = {key: i for i, key in enumerate(dict.fromkeys(one.sha256 for one in found))}
        return sorted(found, key=lambda one: places[one.sha256])

    def status(self) -> Status:
        """The content of the knowledge base; loads no model."""
        from ragcl import inspection

        return inspection.status(self.folder, self.catalog, self.settings.models, self._embedders)

    def doctor(self, *, repair: bool = True) -> DoctorReport:
        """Check catalog, indexes, adapters and models, and repair what is derived.

        Args:
            repair: rebuild missing or damaged indexes from the catalog, and remove damaged
                adapters, which the next round trains again.

        Raises:
            CatalogError: the catalog itself is damaged, which cannot be repaired.
            KnowledgeBaseBusyError: another process is changing it.
        """
        from ragcl import inspection

        models, embedders = self.settings.models, self._embedders
        with self._writer():
            found, remaining = inspection.examine(
                self.folder,
                self.catalog,
                models,
                embedders,
                lambda: self._retriever,
                repair=repair,
            )
        return inspection.doctor_report(found, remaining, models, embedders.choice().embedder)

    # Lazy parts

    @property
    def _embedder(self) -> "Embedder":
        return self._embedders.now()

    @once
    def _embedders(self) -> "Embedders":
        from ragcl.search.embedders import Embedders

        self.catalog.database.check_open()
        if self._loads_again:
            log.warning(
                "%s was used before this process was forked: the models are loaded again, and "
                "compute with one thread. Open it after forking, and it has all of them.",
                self.folder,
            )
            self._loads_again = False
        return Embedders(self.catalog, self.settings.models)

    @once
    def _retriever(self) -> "Retriever":
        from ragcl.search.retriever import Retriever

        return Retriever(self.catalog, self._embedders, self.folder, self._reranker)

    @once
    def _reranker(self) -> "Reranker | None":
        from ragcl.search.reranker import Reranker

        models = self.settings.models
        if not models.reranker:
            return None
        files = model_files.resolve(models.reranker, "reranker")
        return Reranker(files, dtype=models.dtype, device=models.device)

    @once
    def _narrower(self) -> "Narrower":
        from ragcl.generation.narrowing import Narrower

        return Narrower()

    @once
    def _language_model(self) -> "LanguageModel":
        from ragcl.generation.language_model import LanguageModel

        return LanguageModel.of(self.settings.models)

    @once
    def _answerer(self) -> "Answerer":
        from ragcl.generation.answering import Answerer

        return Answerer(
            self.catalog,
            self._retriever,
            self._narrower,
            self._language_model,
            self.settings.answering,
            self.folder / "adapters",
        )

    # Locks

    def _writer(self) -> AbstractContextManager[None]:
        return self._locked("write.lock", "another process is changing it")

    def _locked(
        self, name: str, what: str, waiting: Progress | None = None
    ) -> AbstractContextManager[None]:
        return locked(self.folder / name, what, waiting)


_OPEN: WeakSet[KnowledgeBase] = WeakSet()


def _forked() -> None:
    for kb in _OPEN:
        kb._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
