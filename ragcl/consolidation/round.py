"""One round of consolidation, from the ask log to the active set of adapters.

`Round._run` shows all stages. An adapter is named by the digest of its training data and recipes:
a round after a killed one finds the finished adapters, and an unchanged shard is not trained again.
An adapter that was rejected or rolled back is excluded until its training data change; its shard
keeps the adapter it had before. A round that reaches its time limit keeps its readings and trained
adapters, and promotes the verified ones; the rest is due again. Knows the order of the stages and
the bookkeeping; each stage is a module.
"""

import contextlib
import hashlib
import importlib.util
import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from ragcl.catalog import Catalog
from ragcl.catalog.learning import AdapterRecord, LearnedChunk, content_of
from ragcl.consolidation import history, promotion, report
from ragcl.consolidation.current_log import current_log
from ragcl.consolidation.deadline import Deadline, OutOfTimeError
from ragcl.consolidation.gate.gate import Gate
from ragcl.consolidation.gate.verification import verification_version
from ragcl.consolidation.outcome import (
    chunks_left_out,
    excluded_reasons,
    failed_tests,
    mean_metrics,
    trained_chunks,
    unverified_reasons,
)
from ragcl.consolidation.promotion import Manifest, Verification
from ragcl.consolidation.recipe import STUDY, TRAINING
from ragcl.consolidation.selection import HotChunk, Selection, select
from ragcl.consolidation.shard import Shard
from ragcl.consolidation.study.holding_out import hold_out
from ragcl.consolidation.study.studier import Studied, Studier
from ragcl.consolidation.study.teacher import teacher_of
from ragcl.consolidation.training import anchors, distillation
from ragcl.consolidation.training.distillation import Distillation
from ragcl.consolidation.training.examples import make_examples
from ragcl.errors import SettingsError
from ragcl.files.digests import digest
from ragcl.generation.judging import JudgingReader
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Narrower
from ragcl.generation.prompts import Prompts
from ragcl.progress import Progress
from ragcl.results import ConsolidationReport
from ragcl.search.retriever import Retriever
from ragcl.settings import Settings
from ragcl.text.answers import same

FORGOTTEN = "its source text was forgotten during the round: the next round learns the rest"


class Round:
    """A round on one knowledge base; the caller holds the lock, so that no other round runs."""

    def __init__(
        self,
        folder: Path,
        catalog: Catalog,
        retriever: Retriever,
        narrower: Narrower,
        settings: Settings,
    ) -> None:
        self._folder = folder
        self._catalog = catalog
        self._retriever = retriever
        self._narrower = narrower
        self._settings = settings
        self._limits = settings.consolidation
        # A separate model: the one that answers questions meanwhile stays as it is.
        self._model = LanguageModel.of(settings.models)
        self._teacher = teacher_of(settings)
        self._seconds: dict[str, float] = {}

    def run(self, *, if_due: bool, progress: Progress) -> ConsolidationReport:
        """Run one round, then release the worker processes."""
        report = self._run(if_due, progress)
        distillation.release_workers(self._model)
        return report

    def _run(self, if_due: bool, progress: Progress) -> ConsolidationReport:
        """Select, study, distil, verify and promote; or say why there is nothing to do."""
        started = time.time()
        deadline = Deadline(60 * self._limits.max_minutes)
        self._check_tracker()
        promotion.adapter_problems(self._folder, self._catalog, repair=True)
        selection, learned = self._select(started)
        reason = self._nothing_due(selection, learned, if_due)
        if reason:
            promotion.clean_up(self._folder, self._catalog)
            return ConsolidationReport(
                None, "nothing due", reason, left_out=list(selection.left_out)
            )
        round_id = self._begin(selection, started)
        try:
            with self._stage(round_id, "study"):
                shards, study = self._study(selection, deadline.stopping(progress))
        except OutOfTimeError:
            return self._interrupted(round_id, selection)
        unread = chunks_left_out(selection, shards, study.contradictions)
        selection = replace(selection, left_out=selection.left_out + unread)
        active = self._active_ids()
        withdrawn = self._catalog.learning.withdrawn()
        out = {
            shard.name
            for shard in shards
            if shard.adapter not in active and content_of(shard.adapter) in withdrawn
        }
        done = {one for one in active if _has_current_verification(self._manifest(one))}
        changed = [s for s in shards if s.adapter not in done and s.name not in out]
        if changed:
            with contextlib.suppress(OutOfTimeError):  # shards verified until then count
                with self._stage(round_id, "distillation"):
                    self._distil(changed, round_id, deadline, progress)
                with self._stage(round_id, "verification"):
                    self._verify(changed, deadline, progress)
            if all(shard.verdict is None for shard in changed):
                return self._interrupted(round_id, selection, changed)
        elif self._active_after(shards, out) == active:
            return self._unchanged(round_id, selection, study, out)
        return self._conclude(round_id, selection, study, shards, changed, out, started)

    def _active_after(self, shards: Sequence[Shard], out: Collection[str]) -> set[str]:
        """The adapters active after this round; a shard in `out` keeps its earlier one."""
        before = {one.id for one in self._usable() if one.id.split("-")[0] in out}
        return before | {shard.adapter for shard in shards if shard.name not in out}

    def _manifest(self, adapter: str) -> Manifest:
        """The manifest of an adapter, empty if its files are missing or damaged; hashes them."""
        folder = promotion.adapter_folder(self._folder, adapter)
        return promotion.read_manifest(folder) or Manifest()

    def _is_made_as_now(self, adapter: AdapterRecord) -> bool:
        """Whether an adapter was trained and verified with the numbers of the recipes of today."""
        manifest = self._manifest(adapter.id)
        trained = manifest.recipes == self._recipes()
        return trained and _has_current_verification(manifest)

    def _recipes(self) -> str:
        """The numbers that decide what an adapter is trained on, and how."""
        teacher = self._reader.teacher(self._retriever.embedder)
        return f"{teacher}/{digest(STUDY, TRAINING)}"

    @cached_property
    def _reader(self) -> JudgingReader:
        return JudgingReader(self._model, self._narrower, self._settings.answering.context_tokens)

    def _check_tracker(self) -> None:
        """Raise before hours of training if the tracker's package is not installed."""
        name = self._limits.tracker
        if importlib.util.find_spec(name) is None:
            raise SettingsError(
                f"consolidation.tracker is {name}, but the package {name} is not installed: "
                f"`pip install {name}`, or set it to tensorboard."
            )

    # Selection

    def _select(self, now: float) -> tuple[Selection, dict[str, str]]:
        log = current_log(self._catalog, self._retriever, self._settings.answering)
        named = {hit.content_hash for ask in log for hit in ask.hits}
        current = self._catalog.documents.current(named)
        learned = {
            chunk.content_hash: adapter.id.split("-")[0]
            for adapter in self._usable()
            for chunk in adapter.chunks
        }
        return select(log, current, learned, self._limits, now), learned

    def _usable(self) -> list[AdapterRecord]:
        """The active adapters that were trained on the base model of the settings."""
        _, active = self._catalog.learning.active()
        base = self._model.files.revision
        return [one for one in active if promotion.base_revision(self._folder, one.id) == base]

    def _nothing_due(
        self, selection: Selection, learned: Mapping[str, str], if_due: bool
    ) -> str | None:
        """Why this round has nothing to do; None if it has something."""
        hot = {chunk.content_hash for chunk in selection.chunks}
        gone = set(learned) - self._catalog.documents.learnable_hashes(learned)
        if not hot and not gone:
            needed = self._limits.min_asks
            return f"no chunk has been asked about with {needed} different questions yet"
        if not if_due or gone:
            return None
        last = next(reversed(self._catalog.learning.rounds()), None)
        if last and last.report and _cut_short(last.report):
            return None
        usable = self._usable()
        outdated = not all(map(self._is_made_as_now, usable))
        if not outdated and hot <= set(learned) and _hold_vouched_answers(usable, selection):
            return "everything hot is in the weights already"
        if last is None or not last.report or last.selection != self._fingerprint(selection):
            return None
        if last.report.status == "rejected":
            return f"round {last.id} rejected just this; it will differ once more is asked"
        if not outdated and set(last.report.adapter_ids) == {one.id for one in usable}:
            return f"round {last.id} learned all that can be learned of this; more has to be asked"
        return None

    def _fingerprint(self, selection: Selection) -> dict[str, list[list[str]]]:
        """The selection without heat: equal for rounds that would do the same work."""
        teacher = self._reader.teacher(self._retriever.embedder)

        def of(chunk: HotChunk) -> str:
            """A digest of the questions and their vouched answers; holds no text."""
            asked = [(one, selection.vouched.get(one)) for one in sorted(chunk.questions)]
            return hashlib.sha256(json.dumps([teacher, asked]).encode()).hexdigest()

        return {
            name: sorted([chunk.content_hash, of(chunk)] for chunk in chunks)
            for name, chunks in selection.shards.items()
        }

    def _begin(self, selection: Selection, now: float) -> int:
        """Open the round, and close a killed one; its finished work is found again."""
        unfinished = self._catalog.learning.unfinished_round()
        if unfinished is not None:
            interrupted = ConsolidationReport(
                unfinished.id, "interrupted", f"killed in the stage {unfinished.stage}"
            )
            self._catalog.learning.finish_round(unfinished.id, interrupted, now)
        return self._catalog.learning.start_round(self._fingerprint(selection), now)

    @contextlib.contextmanager
    def _stage(self, round_id: int, name: str) -> Iterator[None]:
        """Record the stage of the round, and the seconds it takes."""
        self._catalog.learning.set_stage(round_id, name)
        started = time.time()
        try:
            yield
        finally:
            self._seconds[name] = time.time() - started

    # Study

    def _study(self, selection: Selection, progress: Progress) -> tuple[list[Shard], Studied]:
        """Study the hot chunks, and split the rows of each shard for training and verification.

        Returns:
            The shards that have rows to train on, and the result of the study.
        """
        answering = self._settings.answering
        studier = Studier(
            self._catalog,
            self._retriever,
            self._reader,
            passages=answering.passages,
            false_abstentions=answering.false_abstentions,
            larger=self._teacher,
        )
        shards = [
            Shard(name, tuple(sorted(chunk.content_hash for chunk in chunks)))
            for name, chunks in selection.shards.items()
        ]
        hot = {key for shard in shards for key in shard.chunks}
        asked = dict.fromkeys(
            question for chunk in selection.chunks for question in chunk.questions
        )
        questions = list(asked)
        done = 0

        def studied(count: int) -> None:
            nonlocal done
            done += count
            progress("studying", done, len(questions))

        written = studier.write_questions(hot, asked, self._limits.written_questions, studied)
        questions += written
        # Sorted: in the order of heat, the same rows would make another adapter tomorrow.
        study = studier.study(questions, hot, selection.vouched, studied, written)
        rows = sorted(study.rows, key=lambda row: row.question)
        for shard in shards:
            own = [row for row in rows if row.content_hash in shard.chunks]
            shard.trained, shard.held_out = hold_out(own, self._limits.seed)
            shard.chunks = tuple(sorted({row.content_hash for row in shard.trained}))
            # Read now: if the text is edited before the round ends, its vector is gone.
            shard.vectors = self._catalog.documents.known_vectors(shard.chunks)
            shard.chunks = tuple(key for key in shard.chunks if key in shard.vectors)
            shard.adapter = f"{shard.name}-{self._digest(shard, studier.teacher)}"
        return [shard for shard in shards if shard.trained], study

    def _digest(self, shard: Shard, teacher: str) -> str:
        """A short digest of an adapter's training data, teacher, recipes and settings."""
        what = [
            teacher,
            digest(STUDY, TRAINING),
            self._limits.model_dump(exclude={"tracker"}),
            [(row.content_hash, row.question, row.answer) for row in shard.trained],
        ]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]

    def _active_ids(self) -> set[str]:
        return {adapter.id for adapter in self._catalog.learning.active()[1]}

    # Distillation

    def _distil(
        self, shards: Sequence[Shard], round_id: int, deadline: Deadline, progress: Progress
    ) -> None:
        """Train the shards' adapters that are not on disk yet."""
        for shard in shards:
            deadline.check()
            folder = promotion.adapter_folder(self._folder, shard.adapter)
            manifest = promotion.read_manifest(folder)
            if manifest is None:
                losses = self._distillation.train(
                    *make_examples(
                        shard.trained,
                        self._unanswerable(shard),
                        Prompts.of(self._model),
                        self._limits,
                        context_tokens=self._settings.answering.context_tokens,
                    ),
                    folder,
                    out_of_time=deadline.passed,
                    progress=lambda done, total: progress("training", done, total),
                )
                if losses is None:
                    raise OutOfTimeError
                manifest = Manifest(
                    adapter=shard.adapter,
                    base_model=self._model.files.name,
                    base_revision=self._model.files.revision,
                    chunks=shard.chunks,
                    questions=len(shard.trained),
                    recipes=self._recipes(),
                    round=round_id,
                    loss=losses["loss"],
                    steps=losses["steps"],
                    processes=losses["processes"],
                )
                promotion.write_manifest(folder, manifest)

    @cached_property
    def _distillation(self) -> Distillation:
        texts, _ = anchors.texts()
        return Distillation(self._model, texts, self._limits)

    def _unanswerable(self, shard: Shard) -> list[str]:
        """Logged questions that were answered by an abstention, the newest first."""
        answerable = {row.question for row in [*shard.trained, *shard.held_out]}
        asked = [
            ask.question
            for ask in reversed(self._catalog.asks.log())
            if ask.route == "none" and ask.question not in answerable
        ]
        return list(dict.fromkeys(asked))[: len(shard.trained) // TRAINING.abstention_every]

    # Verification

    def _verify(self, shards: Sequence[Shard], deadline: Deadline, progress: Progress) -> None:
        """Take the candidates through the gate, as far as time allows."""
        gate = Gate(
            self._folder,
            self._catalog,
            self._retriever,
            self._reader,
            self._model,
            self._settings,
        )
        progress = deadline.stopping(progress)
        for shard in shards:
            deadline.check()
            shard.verdict = gate.test(shard, progress)

    # Promotion

    def _unchanged(
        self, round_id: int, selection: Selection, study: Studied, out: Collection[str]
    ) -> ConsolidationReport:
        """Close a round whose shards are all active already, or excluded."""
        done = ConsolidationReport(
            round_id,
            "nothing due",
            "; ".join(["the questions give nothing further to learn", *excluded_reasons(out)]),
            adapter_ids=sorted(self._active_ids()),
            left_out=list(selection.left_out),
            questions_left_out=study.left_out,
        )
        self._catalog.learning.finish_round(round_id, done, time.time())
        promotion.clean_up(self._folder, self._catalog)
        return done

    def _interrupted(
        self, round_id: int, selection: Selection, unfinished: Sequence[Shard] = ()
    ) -> ConsolidationReport:
        """Close a round that reached its time limit before any candidate was verified.

        Its readings stay in the catalog, and the (partly) trained candidates on disk.
        """
        stage = next(reversed(self._seconds))
        done = ConsolidationReport(
            round_id,
            "interrupted",
            f"the limit of {self._limits.max_minutes:g} minutes was reached in the stage {stage}: "
            "the next round continues from there; if it never gets further, raise "
            "consolidation.max_minutes",
            adapter_ids=sorted(self._active_ids()),
            left_out=list(selection.left_out),
            stage_seconds={name: round(value, 1) for name, value in self._seconds.items()},
            unfinished=[shard.name for shard in unfinished],
        )
        self._catalog.learning.finish_round(round_id, done, time.time())
        self._clean_up(round_id, unfinished)
        return done

    def _conclude(
        self,
        round_id: int,
        selection: Selection,
        study: Studied,
        shards: Sequence[Shard],
        changed: Sequence[Shard],
        out: Collection[str],
        started: float,
    ) -> ConsolidationReport:
        """Promote the candidates that passed; delete those that failed.

        A shard that failed, is excluded or was not verified in time keeps its earlier adapter, if
        it had one.
        """
        now = time.time()
        verdicts = [shard.verdict for shard in changed if shard.verdict is not None]
        rejected = [s for s in changed if s.verdict is not None and not s.verdict.passed]
        unfinished = [s for s in changed if s.verdict is None]
        failed = {*out, *(shard.name for shard in [*rejected, *unfinished])}
        passed = [shard for shard in changed if shard.name not in failed]
        promoted = bool(passed) or not changed
        active_after = sorted(self._active_after(shards, failed))
        learned = trained_chunks(self._catalog, selection, shards, failed)
        earlier = [one for one in self._catalog.learning.rounds() if one.id != round_id]
        last_ask = self._catalog.asks.last()  # an id, since the clock may have been wrong
        costs = self._catalog.asks.costs(after=history.last_ask(earlier))
        done = ConsolidationReport(
            round_id=round_id,
            status="promoted" if promoted else "rejected",
            reason="; ".join(
                [*failed_tests(changed), *excluded_reasons(out), *unverified_reasons(unfinished)]
            ),
            adapter_ids=active_after if promoted else [],
            chunks_selected=len(selection.chunks),
            chunks_proved=len({q.content_hash for v in verdicts for q in v.questions if q.proved}),
            questions_trained=sum(len(shard.trained) for shard in changed),
            questions_held_out=sum(len(shard.held_out) for shard in changed),
            metrics=mean_metrics(verdicts),
            gate=[test for verdict in verdicts for test in verdict.gate],
            learned=learned,
            left_out=list(selection.left_out),
            questions_left_out=study.left_out,
            retention=history.retention(
                earlier,
                {chunk.content_hash for chunk in selection.chunks}
                - {key for shard in unfinished for key in shard.chunks},
                {one.content_hash for one in learned if one.proved},
            ),
            prompt_tokens=dict(sorted(costs.items())),
            tokens_saved=history.tokens_saved(costs),
            last_ask=last_ask,
            stage_seconds={name: round(value, 1) for name, value in self._seconds.items()},
            report_path=str(report.path(self._folder, round_id)),
            unfinished=[shard.name for shard in unfinished],
            risks={shard.adapter: shard.verdict.risk for shard in changed if shard.verdict},
        )

        def write(done: ConsolidationReport) -> None:
            thresholds = [verdict.thresholds for verdict in verdicts]
            points = history.points(earlier, done)
            report.write(self._folder, done, now - started, thresholds, points)

        write(done)
        deleted = [shard.adapter for shard in rejected]
        learning = self._catalog.learning
        for shard in passed:
            self._store_verification(shard)
        if promoted and not (
            all(learning.add_adapter(self._record(shard, round_id, now)) for shard in passed)
            and learning.promote(round_id, done.adapter_ids, done, now, deleted)
        ):
            learned = [replace(one, promoted=False) for one in learned]
            done = replace(
                done, status="rejected", reason=FORGOTTEN, adapter_ids=[], learned=learned
            )
            write(done)
        if done.status != "promoted":
            learning.finish_round(round_id, done, now, deleted)
        report.remove_chunks(self._folder, learning.forgotten())
        self._clean_up(round_id, unfinished)
        self._catalog.database.checkpoint()
        return done

    def _clean_up(self, round_id: int, unfinished: Sequence[Shard]) -> None:
        """Remove all candidates but those that the next round continues."""
        gone = self._catalog.learning.forgotten()
        kept = {shard.adapter for shard in unfinished if gone.isdisjoint(shard.chunks)}
        promotion.clean_up(self._folder, self._catalog, round_id, kept)

    def _record(self, shard: Shard, round_id: int, now: float) -> AdapterRecord:
        if shard.verdict is None:
            raise RuntimeError(f"shard {shard.name} was not verified")
        return AdapterRecord(
            id=shard.adapter,
            round_id=round_id,
            created_at=now,
            thresholds=shard.verdict.thresholds,
            chunks=tuple(LearnedChunk(key, shard.vectors[key]) for key in shard.chunks),
            questions=shard.verdict.questions,
        )

    def _store_verification(self, shard: Shard) -> None:
        """Write the version and risk of the verification to the adapter's manifest."""
        folder = promotion.adapter_folder(self._folder, shard.adapter)
        manifest = promotion.read_manifest(folder)
        if manifest is not None and shard.verdict is not None:
            verified = Verification(verification_version(), shard.verdict.risk)
            promotion.write_manifest(folder, replace(manifest, verified=verified))


def train_as_worker(settings: Settings) -> ConsolidationReport:
    """A round in a worker process: train what the first process trains."""
    distillation.train_as_worker(LanguageModel.of(settings.models))
    return ConsolidationReport(None, "trained along", "the first process runs the round")


def _has_current_verification(manifest: Manifest) -> bool:
    """Whether an adapter was verified by the current version; else it is verified again."""
    verified = manifest.verified
    return verified is not None and verified.version == verification_version()


def _hold_vouched_answers(adapters: Sequence[AdapterRecord], selection: Selection) -> bool:
    """Whether adapters were trained on all answers that users vouch for."""
    taught = {one.question: one.answer for adapter in adapters for one in adapter.questions}
    return all(same(taught.get(one, ""), answer) for one, answer in selection.vouched.items())


def _cut_short(report: ConsolidationReport) -> bool:
    """Whether a round reached its time limit before it was complete."""
    return report.status == "interrupted" or bool(report.unfinished)
