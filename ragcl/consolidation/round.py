"""One round of consolidation, from the log of asks to the active set.

`Job._run` is the story from top to bottom. An adapter is named by the digest of what it is trained
on, so a round that was killed finds what it had finished, and a shard that has not changed is not
trained again. One that was rejected or rolled back stays out until what it is made of differs: in
its place stays what its shard had before. A round that reaches its limit keeps what it has read and
trained, and promotes what it has verified; the rest is due again. Knows the order of the stages and
the bookkeeping; each stage is a module.
"""

import contextlib
import hashlib
import importlib.util
import json
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ragcl.catalog import Catalog
from ragcl.catalog.asks import AskRecord
from ragcl.catalog.learning import AdapterRecord, LearnedChunk, content_of
from ragcl.consolidation import history, promotion, report
from ragcl.consolidation.deadline import Deadline, OutOfTimeError, Progress
from ragcl.consolidation.gate.near_misses import NearMiss, near_misses
from ragcl.consolidation.gate.verification import Verdict, drift, tested_as, verify
from ragcl.consolidation.recipe import GATE, STUDY, TRAINING
from ragcl.consolidation.selection import HotChunk, Selection, select
from ragcl.consolidation.study.contradictions import Contradiction
from ragcl.consolidation.study.holding_out import hold_out
from ragcl.consolidation.study.studier import Studied, Studier
from ragcl.consolidation.study.teacher import teacher_of
from ragcl.consolidation.training import anchors, distillation
from ragcl.consolidation.training.anchors import Anchor
from ragcl.consolidation.training.distillation import Distillation
from ragcl.consolidation.training.examples import make_examples
from ragcl.errors import SettingsError
from ragcl.files.digests import digest
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Narrower
from ragcl.generation.prompts import Prompts
from ragcl.generation.reading import Reader, Reading
from ragcl.generation.recipe import ROUTING
from ragcl.results import ConsolidationReport
from ragcl.search.retriever import Retriever
from ragcl.settings import Settings
from ragcl.text.answers import holds, same
from ragcl.text.rewording import indirectly

FORGOTTEN = "what it learned from was forgotten meanwhile: the next round learns the rest"


@dataclass
class _Shard:
    """One adapter in the making."""

    name: str
    chunks: tuple[str, ...]
    trained: list[Reading] = field(default_factory=list)
    held_out: list[Reading] = field(default_factory=list)
    adapter: str = ""
    verdict: Verdict | None = None
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    reworded: list[Reading] = field(default_factory=list)
    near_misses: list[NearMiss] = field(default_factory=list)


class Job:
    """A round on one knowledge base; the caller holds the lock that keeps others out."""

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
        # A model of its own: the one that answers questions meanwhile is not touched.
        self._model = LanguageModel.of(settings.models)
        self._teacher = teacher_of(settings)
        self._seconds: dict[str, float] = {}

    def run(self, *, if_due: bool, progress: Progress) -> ConsolidationReport:
        """One round; whoever trains along is released after it."""
        report = self._run(if_due, progress)
        distillation.nothing_left(self._model)
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
        unread = _unread(selection, shards, study.contradictions)
        selection = replace(selection, left_out=selection.left_out + unread)
        active = self._active_ids()
        withdrawn = self._catalog.learning.withdrawn()
        out = {
            shard.name
            for shard in shards
            if shard.adapter not in active and content_of(shard.adapter) in withdrawn
        }
        done = {adapter for adapter in active if self._verified_so(adapter)}
        changed = [s for s in shards if s.adapter not in done and s.name not in out]
        if changed:
            with contextlib.suppress(OutOfTimeError):  # what was verified until then counts
                with self._stage(round_id, "distillation"):
                    self._distil(changed, round_id, deadline, progress)
                with self._stage(round_id, "verification"):
                    self._verify(changed, deadline, progress)
            if all(shard.verdict is None for shard in changed):
                return self._interrupted(round_id, selection, changed)
        elif self._to_stay(shards, out) == active:
            return self._unchanged(round_id, selection, study, out)
        return self._conclude(round_id, selection, study, shards, changed, out, started)

    def _to_stay(self, shards: Sequence[_Shard], out: Collection[str]) -> set[str]:
        """What would be active, with what they had before in the place of shards that stay out."""
        before = {one.id for one in self._usable() if one.id.split("-")[0] in out}
        return before | {shard.adapter for shard in shards if shard.name not in out}

    def _verified_so(self, adapter: str) -> bool:
        """Whether an adapter was tested as adapters are now; else it is tested again."""
        manifest = promotion.read_manifest(promotion.adapter_folder(self._folder, adapter)) or {}
        return bool(manifest.get("verified", {}).get("version") == tested_as())

    def _check_tracker(self) -> None:
        """Before hours of work, and not after, that the curves have somewhere to go."""
        name = self._limits.tracker
        if importlib.util.find_spec(name) is None:
            raise SettingsError(
                f"consolidation.tracker is {name}, but the package {name} is not installed: "
                f"`pip install {name}`, or set it to tensorboard."
            )

    # Selection

    def _select(self, now: float) -> tuple[Selection, dict[str, str]]:
        log = self._renewed(self._catalog.asks.log())
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
        return [one for one in active if self._base_of(one.id) == self._model.files.revision]

    def _base_of(self, adapter: str) -> str | None:
        """The revision of the base model that an adapter was trained on."""
        manifest = promotion.read_manifest(promotion.adapter_folder(self._folder, adapter))
        return None if manifest is None else str(manifest["base_revision"])

    def _renewed(self, log: Sequence[AskRecord]) -> list[AskRecord]:
        """The log, with the asks about text that has been edited on the text that replaced it.

        What replaced it is about as near to the question as it was; where nothing is, the text was
        deleted, and nothing becomes hot for it. What users said was said of the old text; only a
        correction that stands in the new one still counts.
        """
        current = self._catalog.documents.current_hashes(
            {hit.content_hash for ask in log for hit in ask.hits}
        )
        old = [
            i
            for i, ask in enumerate(log)
            if ask.hits and not current.issuperset(ask.trace.support[:1])
        ]
        renewed = list(log)
        if not old:
            return renewed
        scales = self._retriever.calibrate()
        answering = self._settings.answering
        vectors = np.stack([log[i].vector for i in old])
        asked = [log[i].question for i in old]
        found = self._retriever.nearest(vectors, answering.passages, asked)
        for i, retrieval in zip(old, found, strict=True):
            relevant = scales.needed(log[i].vector, answering.false_answers)
            needed = scales.passages(log[i].hits[0].score) - ROUTING.wording
            hits = tuple(
                hit
                for hit in retrieval.hits
                if retrieval.calibration.passages(hit.score) >= needed and hit.fused >= relevant
            )
            correction = log[i].correction
            if not any(holds(hit.text, correction or "") for hit in retrieval.hits):
                correction = None
            support = tuple(hit.content_hash for hit in hits[:1])
            renewed[i] = replace(
                log[i],
                hits=hits,
                trace=replace(log[i].trace, support=support),
                ratings=(),
                correction=correction,
            )
        return renewed

    def _nothing_due(
        self, selection: Selection, learned: Mapping[str, str], if_due: bool
    ) -> str | None:
        """Why this round has nothing to do, or None when it has."""
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
        if hot <= set(learned) and self._taught(selection.vouched):
            return "everything hot is in the weights already"
        if last is None or not last.report or last.selection != _plain(selection):
            return None
        if last.report["status"] == "rejected":
            return f"round {last.id} rejected just this; it will differ once more is asked"
        if set(last.report["adapter_ids"]) == {adapter.id for adapter in self._usable()}:
            return f"round {last.id} learned all that can be learned of this; more has to be asked"
        return None

    def _taught(self, vouched: Mapping[str, str]) -> bool:
        """Whether the active adapters were taught all answers that users vouch for."""
        taught = {one.question: one.answer for a in self._usable() for one in a.questions}
        return all(same(taught.get(question, ""), vouched[question]) for question in vouched)

    def _begin(self, selection: Selection, now: float) -> int:
        """Open the round; one that was killed is closed, its finished work is found again."""
        unfinished = self._catalog.learning.unfinished_round()
        if unfinished is not None:
            interrupted = ConsolidationReport(
                unfinished.id, "interrupted", f"killed in the stage {unfinished.stage}"
            )
            self._catalog.learning.finish_round(unfinished.id, asdict(interrupted), now)
        return self._catalog.learning.start_round(_plain(selection), now)

    @contextlib.contextmanager
    def _stage(self, round_id: int, name: str) -> Iterator[None]:
        """Within it the round is in this stage, whose time is taken."""
        self._catalog.learning.set_stage(round_id, name)
        started = time.time()
        try:
            yield
        finally:
            self._seconds[name] = time.time() - started

    # Study

    def _study(self, selection: Selection, progress: Progress) -> tuple[list[_Shard], Studied]:
        """Read the questions of the hot chunks and share the rows out to train and to verify.

        Returns:
            The shards that there is something to train on for, and what was studied.
        """
        answering = self._settings.answering
        reader = Reader(self._model, self._narrower, answering.context_tokens)
        studier = Studier(
            self._catalog,
            self._retriever,
            reader,
            passages=answering.passages,
            false_abstentions=answering.false_abstentions,
            larger=self._teacher,
        )
        shards = [
            _Shard(name, tuple(sorted(chunk.content_hash for chunk in chunks)))
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
        # In an order of their own: by heat, the same rows would make another adapter tomorrow.
        study = studier.study(questions, hot, selection.vouched, studied, written)
        rows = sorted(study.rows, key=lambda row: row.question)
        for shard in shards:
            own = [row for row in rows if row.content_hash in shard.chunks]
            shard.trained, shard.held_out = hold_out(own, self._limits.seed)
            shard.chunks = tuple(sorted({row.content_hash for row in shard.trained}))
            # Kept now: the text may be edited before the round ends, and its vector gone with it.
            shard.vectors = self._catalog.documents.known_vectors(shard.chunks)
            shard.chunks = tuple(key for key in shard.chunks if key in shard.vectors)
            shard.adapter = f"{shard.name}-{self._digest(shard, studier.teacher)}"
        return [shard for shard in shards if shard.trained], study

    def _digest(self, shard: _Shard, teacher: str) -> str:
        """What an adapter is trained on, and how, as a short name."""
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
        self, shards: Sequence[_Shard], round_id: int, deadline: Deadline, progress: Progress
    ) -> None:
        """Train the adapters of the shards that have none with just these rows."""
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
                manifest = {
                    "adapter": shard.adapter,
                    "base_model": self._model.files.name,
                    "base_revision": self._model.files.revision,
                    "chunks": list(shard.chunks),
                    "questions": len(shard.trained),
                    "round": round_id,
                    **losses,
                }
                promotion.write_manifest(folder, manifest)

    @cached_property
    def _distillation(self) -> Distillation:
        texts, _ = anchors.texts()
        return Distillation(self._model, texts, self._limits)

    def _unanswerable(self, shard: _Shard) -> list[str]:
        """Logged questions that nothing in the knowledge base answered, the newest first."""
        answerable = {row.question for row in [*shard.trained, *shard.held_out]}
        asked = [
            ask.question
            for ask in reversed(self._catalog.asks.log())
            if ask.route == "none" and ask.question not in answerable
        ]
        return list(dict.fromkeys(asked))[: len(shard.trained) // TRAINING.abstention_every]

    # Verification

    def _verify(self, shards: Sequence[_Shard], deadline: Deadline, progress: Progress) -> None:
        """Test the candidates; one that only drifts too far is shrunk until it does not."""
        progress = deadline.stopping(progress)
        for shard in shards:
            deadline.check()
            folder = promotion.adapter_folder(self._folder, shard.adapter)
            self._model.attach(shard.adapter, folder)
            shard.reworded = self._reworded(shard)
            shard.near_misses = self._near_misses(shard)
            verdict = self._test(shard, progress)
            if verdict.only_drifted and self._shrink(shard, folder):
                verdict = self._test(shard, progress)
            shard.verdict = verdict

    @cached_property
    def _unseen(self) -> list[Anchor]:
        return anchors.make(self._model, anchors.texts()[1])

    def _reworded(self, shard: _Shard) -> list[Reading]:
        """Other wordings of what is trained, as they are met, where few things were held out.

        They are not those that prove what is learned: these had a say in what may be answered.
        """
        if len(shard.held_out) >= GATE.min_held_out:
            return []
        other = [indirectly(row.question) for row in shard.trained]
        found = self._retriever.retrieve(other, self._settings.answering.passages)
        return [
            replace(
                row,
                question=question,
                vector=retrieval.vector,
                found=retrieval.found,
                score=retrieval.hits[0].score,
                margin=retrieval.margin,
            )
            for row, question, retrieval in zip(shard.trained, other, found, strict=True)
            if retrieval.hits
        ]

    def _near_misses(self, shard: _Shard) -> list[NearMiss]:
        taught = defaultdict[str, dict[str, str]](dict)
        for row in [*shard.trained, *shard.held_out]:
            taught[row.content_hash][row.question] = row.answer
        current = self._catalog.documents.current(shard.chunks)
        return near_misses(
            self._retriever,
            [current[key] for key in shard.chunks if key in current],
            taught,
            passages=self._settings.answering.passages,
            seed=self._limits.seed,
        )

    def _test(self, shard: _Shard, progress: Progress) -> Verdict:
        return verify(
            self._model,
            shard.adapter,
            shard.trained,
            shard.held_out,
            shard.reworded,
            shard.near_misses,
            self._unseen,
            shard.chunks,
            self._limits,
            context_tokens=self._settings.answering.context_tokens,
            progress=lambda done, total: progress("verifying", done, total),
        )

    def _shrink(self, shard: _Shard, folder: Path) -> bool:
        """Take the largest scale in (0, 1) at which the drift is within its limit, if one is."""
        low, high = 0.0, 1.0
        for _ in range(GATE.bisections):
            middle = (low + high) / 2
            self._model.set_scale(shard.adapter, middle)
            ratio, _ = drift(self._model, shard.adapter, self._unseen)
            low, high = (
                (middle, high) if ratio <= self._limits.max_perplexity_ratio else (low, middle)
            )
        if low == 0.0:
            return False
        promotion.scale_adapter(folder, low)
        self._model.set_scale(shard.adapter, low)
        return True

    # Promotion

    def _unchanged(
        self, round_id: int, selection: Selection, study: Studied, out: Collection[str]
    ) -> ConsolidationReport:
        """Close a round whose study set was learned already, or is not to be learned again."""
        done = ConsolidationReport(
            round_id,
            "nothing due",
            "; ".join(["what was asked gives nothing further to learn", *_staying_out(out)]),
            adapter_ids=sorted(self._active_ids()),
            left_out=list(selection.left_out),
            questions_left_out=study.left_out,
        )
        self._catalog.learning.finish_round(round_id, asdict(done), time.time())
        promotion.clean_up(self._folder, self._catalog)
        return done

    def _interrupted(
        self, round_id: int, selection: Selection, unfinished: Sequence[_Shard] = ()
    ) -> ConsolidationReport:
        """Close a round that reached its limit before any candidate was verified.

        What was read is in the catalog, and what was trained of the candidates stays on the disk.
        """
        stage = next(reversed(self._seconds))
        done = ConsolidationReport(
            round_id,
            "interrupted",
            f"{self._limits.max_minutes:g} minutes were over in the stage {stage}: the next round "
            "goes on from there; if it never gets further, raise consolidation.max_minutes",
            adapter_ids=sorted(self._active_ids()),
            left_out=list(selection.left_out),
            stage_seconds={name: round(value, 1) for name, value in self._seconds.items()},
            unfinished=[shard.name for shard in unfinished],
        )
        self._catalog.learning.finish_round(round_id, asdict(done), time.time())
        self._clean_up(round_id, unfinished)
        return done

    def _conclude(
        self,
        round_id: int,
        selection: Selection,
        study: Studied,
        shards: Sequence[_Shard],
        changed: Sequence[_Shard],
        out: Collection[str],
        started: float,
    ) -> ConsolidationReport:
        """Promote the candidates that passed; one that failed is thrown away.

        In its place, and in that of a shard that stays out or for which the time did not suffice,
        stays the adapter that its shard had before, if there is one.
        """
        now = time.time()
        verdicts = [shard.verdict for shard in changed if shard.verdict is not None]
        rejected = [s for s in changed if s.verdict is not None and not s.verdict.passed]
        unfinished = [s for s in changed if s.verdict is None]
        failed = {*out, *(shard.name for shard in [*rejected, *unfinished])}
        passed = [shard for shard in changed if shard.name not in failed]
        promoted = bool(passed) or not changed
        to_stay = sorted(self._to_stay(shards, failed))
        learned = self._learned(selection, shards, failed)
        earlier = [one for one in self._catalog.learning.rounds() if one.id != round_id]
        last_ask = self._catalog.asks.last()  # by number, since a clock may have been wrong
        costs = self._catalog.asks.costs(after=history.last_ask(earlier))
        done = ConsolidationReport(
            round_id=round_id,
            status="promoted" if promoted else "rejected",
            reason="; ".join(
                [*_shortcomings(changed), *_staying_out(out), *_to_go_on_with(unfinished)]
            ),
            adapter_ids=to_stay if promoted else [],
            chunks_selected=len(selection.chunks),
            chunks_proved=len({q.content_hash for v in verdicts for q in v.questions if q.proved}),
            questions_trained=sum(len(shard.trained) for shard in changed),
            questions_held_out=sum(len(shard.held_out) for shard in changed),
            metrics=_mean_metrics(verdicts),
            gate=[test for verdict in verdicts for test in verdict.gate],
            learned=learned,
            left_out=list(selection.left_out),
            questions_left_out=study.left_out,
            retention=history.retention(
                earlier,
                {chunk.content_hash for chunk in selection.chunks}
                - {key for shard in unfinished for key in shard.chunks},
                {one["content_hash"] for one in learned if one["proved"]},
            ),
            prompt_tokens={route: asdict(cost) for route, cost in sorted(costs.items())},
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
        thrown_away = [shard.adapter for shard in rejected]
        learning = self._catalog.learning
        for shard in passed:
            self._note_verified(shard)
        if promoted and not (
            all(learning.add_adapter(self._record(shard, round_id, now)) for shard in passed)
            and learning.promote(round_id, done.adapter_ids, asdict(done), now, thrown_away)
        ):
            learned = [{**one, "promoted": False} for one in learned]
            done = replace(
                done, status="rejected", reason=FORGOTTEN, adapter_ids=[], learned=learned
            )
            write(done)
        if done.status != "promoted":
            learning.finish_round(round_id, asdict(done), now, thrown_away)
        report.forget(self._folder, learning.forgotten())
        self._clean_up(round_id, unfinished)
        self._catalog.database.checkpoint()
        return done

    def _clean_up(self, round_id: int, unfinished: Sequence[_Shard]) -> None:
        """Leave of the candidates those that the next round goes on with."""
        gone = self._catalog.learning.forgotten()
        kept = {shard.adapter for shard in unfinished if gone.isdisjoint(shard.chunks)}
        promotion.clean_up(self._folder, self._catalog, round_id, kept)

    def _learned(
        self, selection: Selection, shards: Sequence[_Shard], failed: Collection[str]
    ) -> list[dict[str, Any]]:
        """What the report says of every chunk that was trained; see `ConsolidationReport`."""
        sources = {chunk.content_hash: chunk.source for chunk in selection.chunks}
        texts = self._catalog.documents.current(sources)
        active = {one.id: one.questions for one in self._catalog.learning.active()[1]}
        learned = []
        for shard in shards:
            verdict = shard.verdict
            questions = verdict.questions if verdict else active.get(shard.adapter, ())
            proved = {question.content_hash for question in questions if question.proved}
            trained = Counter(row.content_hash for row in shard.trained)
            held_out = Counter(row.content_hash for row in shard.held_out)
            learned += [
                {
                    "content_hash": key,
                    "source": sources[key],
                    "heading": texts[key].heading if key in texts else "",
                    "trained": trained[key],
                    "held_out": held_out[key],
                    "proved": key in proved,
                    "promoted": shard.name not in failed,
                }
                for key in shard.chunks
            ]
        return sorted(learned, key=lambda one: (one["source"], one["heading"]))

    def _record(self, shard: _Shard, round_id: int, now: float) -> AdapterRecord:
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

    def _note_verified(self, shard: _Shard) -> None:
        """Write down with an adapter what it was found to be good for."""
        folder = promotion.adapter_folder(self._folder, shard.adapter)
        manifest = promotion.read_manifest(folder)
        if manifest is not None and shard.verdict is not None:
            verified = {"version": tested_as(), **asdict(shard.verdict.risk)}
            promotion.write_manifest(folder, {**manifest, "verified": verified})


def train_along(settings: Settings) -> ConsolidationReport:
    """A round in any but the first of several processes: train what that one hands out."""
    distillation.train_along(LanguageModel.of(settings.models))
    return ConsolidationReport(None, "trained along", "the first process runs the round")


def _unread(
    selection: Selection, shards: Sequence[_Shard], disputed: Sequence[Contradiction]
) -> tuple[dict[str, str], ...]:
    """The selected chunks of which a fact is in dispute, or that gave nothing to learn on."""
    read = {key for shard in shards for key in shard.chunks}
    reasons = {one.content_hash: one.reason for one in disputed}
    doubtful = "no answer to its questions is sure enough, or they contradict one another"
    return tuple(
        {
            "source": chunk.source,
            "content_hash": chunk.content_hash,
            "reason": reasons.get(chunk.content_hash, doubtful),
        }
        for chunk in selection.chunks
        if chunk.content_hash not in read or chunk.content_hash in reasons
    )


def _plain(selection: Selection) -> dict[str, list[list[str]]]:
    """What was selected, without how hot it was: equal for rounds that would do the same."""
    return {
        name: sorted([chunk.content_hash, _digest_of(chunk, selection)] for chunk in chunks)
        for name, chunks in selection.shards.items()
    }


def _digest_of(chunk: HotChunk, selection: Selection) -> str:
    """What is asked about a chunk, and the answers that users vouch for, without their words."""
    asked = [(one, selection.vouched.get(one)) for one in sorted(chunk.questions)]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _staying_out(names: Collection[str]) -> list[str]:
    """Why shards are not trained that were rolled back or rejected."""
    return [
        f"{name} was rolled back or rejected, and stays out until what it is made of differs"
        for name in sorted(names)
    ]


def _cut_short(report: Mapping[str, Any]) -> bool:
    """Whether a round left something to the next one for want of time."""
    return report["status"] == "interrupted" or bool(report.get("unfinished"))


def _to_go_on_with(shards: Sequence[_Shard]) -> list[str]:
    """Which shards the time did not suffice for."""
    return [
        f"{one.name} was not verified in time: the next round goes on with it" for one in shards
    ]


def _shortcomings(shards: Sequence[_Shard]) -> list[str]:
    """What kept candidates from passing the gate; with the shard where there are several."""
    return [
        f"{shard.name}: " * (len(shards) > 1)
        + f"{test['name']} {test['value']:.3f} misses {test['limit']:.3f}"
        for shard in shards
        if shard.verdict is not None
        for test in shard.verdict.gate
        if not test["passed"]
    ]


def _mean_metrics(verdicts: Sequence[Verdict]) -> dict[str, float]:
    names = verdicts[0].metrics if verdicts else ()
    return {
        name: sum(verdict.metrics[name] for verdict in verdicts) / len(verdicts) for name in names
    }
