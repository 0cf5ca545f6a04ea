"""Promotions, rollbacks and edits while threads and other processes ask: no answer may suffer.

One fact never changes and is in every active set; another is edited before each promotion. So every
answer is known: it must be right for a moment between its question and its end, must not abstain,
and must name an adapter of the very set that it names.
"""

import multiprocessing
import random
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.faults.processes import PRELOADED
from benchmarks.faults.samples import Models
from benchmarks.faults.trials import Trial
from ragcl import KnowledgeBase
from ragcl.catalog.learning import AdapterRecord, LearnedChunk, LearnedQuestion
from ragcl.consolidation.promotion import Manifest, adapter_folder, clean_up, write_manifest
from ragcl.models import model_files
from ragcl.results import ConsolidationReport

FIXED = "What does soup cost?"
EDITED = "How deep is the north berth?"
SOUP = "3 crowns"
EASY = {"score": 0.0, "margin": -9.0, "similarity": 0.0, "confidence": -99.0, "both": 0.0}
THREADS, PROCESSES = 3, 2


def depth(version: int) -> str:
    """What the edited fact says in a version."""
    return f"{version + 10} metres"


@dataclass
class Seen:
    """What somebody who asks has seen."""

    answers: int = 0
    from_weights: int = 0
    served: set[tuple[int, str]] = field(default_factory=set)  # (set, adapter)
    problems: list[str] = field(default_factory=list)


class Asker:
    """Asks until told to stop; `begun` and `done` are the versions whose ingest was."""

    def __init__(self, begun: Any, done: Any, stop: Any) -> None:
        self._begun, self._done, self._stop = begun, done, stop
        self._seen = Seen()

    def ask(self, kb: KnowledgeBase) -> Seen:
        """Ask in all ways by turns."""
        while not self._stop.is_set() and not self._seen.problems:
            try:
                self._ask_in_all_ways(kb)
            except Exception as error:  # whatever it is, it is what is looked for
                self._seen.problems.append(f"{type(error).__name__}: {error}")
        return self._seen

    def ask_alone(self, kb: Path, report: Any) -> None:
        """The same in a process of its own."""
        import torch

        torch.set_num_threads(1)
        with KnowledgeBase.open(kb) as opened:
            report.send("ready")
            report.send(self.ask(opened))

    def _ask_in_all_ways(self, kb: KnowledgeBase) -> None:
        for mode in ("auto", "weights", "both"):
            first = self._done.value
            answers = kb.ask_many([FIXED, EDITED, FIXED], mode=mode, record=mode == "auto")
            self._look(answers, mode, first)
        first = self._done.value
        stream = kb.ask(FIXED, mode="weights", stream=True, record=False)
        list(stream)
        self._look([stream.result], "weights", first)

    def _look(self, answers: Sequence[Any], mode: str, first: int) -> None:
        versions = [depth(one) for one in range(first, self._begun.value + 1)]
        for answer in answers:
            self._seen.answers += 1
            self._seen.from_weights += answer.route == "weights"
            if answer.trace["adapter"]:
                pair = (answer.trace["adapter_set"], answer.trace["adapter"])
                self._seen.served.add(pair)
            problem = _wrong(answer, mode, versions)
            if problem:
                reason = answer.trace["reason"]
                self._seen.problems.append(f"{mode}: {answer.question} {problem} ({reason})")


def _wrong(answer: Any, mode: str, versions: Sequence[str]) -> str | None:
    """What is wrong with an answer, of which one of `versions` was true at some moment of it."""
    if answer.question == FIXED:
        if answer.abstained:
            return "was abstained from"
        if answer.route == "weights" and answer.text != SOUP:
            return f"was answered {answer.text}"
        return None if SOUP in answer.citations[0].text else "cites another text"
    if mode == "weights":  # alone, they may not speak of what was edited
        stale = answer.text.endswith("metres") and answer.text not in versions
        return f"was answered {answer.text}, not {versions}" if stale else None
    if answer.abstained:
        return "was abstained from"
    texts = [one.text for one in answer.citations if "north berth" in one.text]
    if not all(any(one in text for one in versions) for text in texts):
        return f"cites {texts}, not {versions}"
    stale = answer.route == "weights" and answer.text not in versions
    return f"was answered {answer.text}, not {versions}" if stale else None


class Course:
    """A knowledge base whose facts are edited and whose adapters are promoted."""

    def __init__(self, kb: KnowledgeBase, docs: Path, adapter: Path) -> None:
        self._kb, self._docs, self._adapter = kb, docs, adapter
        self.sets: dict[int, frozenset[str]] = {}
        docs.mkdir()
        (docs / "canteen.md").write_text(f"# Canteen\n\nSoup costs {SOUP}.\n")

    def edit(self, version: int) -> None:
        """Write and ingest a version of the edited fact."""
        text = f"# Berths\n\nThe north berth is {depth(version)} deep. It takes tankers only.\n"
        (self._docs / "berths.md").write_text(text)
        self._kb.ingest(self._docs)

    def promote(self, version: int) -> None:
        """Make two adapters active, one for each fact, and remove what nothing can reach."""
        learning = self._kb.catalog.learning
        round_id = learning.start_round({}, time.time())
        names = [
            self._adapter_for(f"s0-{round_id}", round_id, FIXED, SOUP),
            self._adapter_for(f"s1-{round_id}", round_id, EDITED, depth(version)),
        ]
        report = ConsolidationReport(round_id, "promoted", "")
        self.sets[learning.promote(round_id, names, report, time.time())] = frozenset(names)
        clean_up(self._kb.folder, self._kb.catalog, round_id)

    def _adapter_for(self, name: str, round_id: int, question: str, answer: str) -> str:
        folder = adapter_folder(self._kb.folder, name)
        shutil.copytree(self._adapter, folder)
        revision = model_files.resolve(self._kb.settings.models.language_model, "language_model")
        write_manifest(folder, Manifest(adapter=name, base_revision=revision.revision))
        [hit] = self._kb.search(question, k=1)
        chunk = LearnedChunk(
            hit.content_hash,
            self._kb.catalog.documents.known_vectors([hit.content_hash])[hit.content_hash],
        )
        [vector] = self._kb._embedder.encode_questions([question])
        asked = LearnedQuestion(hit.content_hash, question, answer, vector, 0.0, True)
        self._kb.catalog.learning.add_adapter(
            AdapterRecord(name, round_id, time.time(), EASY, (chunk,), (asked,))
        )
        return name


def hammer(
    kb: Path, docs: Path, adapter: Path, changes: int, *, threads: int, processes: int
) -> Seen:
    """Ask all the while that so many promotions and rollbacks happen; what was seen.

    Args:
        kb: the folder of an empty knowledge base.
        docs: where its documents may be written.
        adapter: an adapter for its language model.
        changes: how many; every third is a rollback.
        threads: that ask here, of one knowledge base.
        processes: that ask beside them.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    begun, done, stop = context.Value("i", 0), context.Value("i", 0), context.Event()
    seen = [Seen() for _ in range(threads)]
    with KnowledgeBase.open(kb) as opened:
        course = Course(opened, docs, adapter)
        course.edit(0)
        course.promote(0)
        course.promote(0)
        others = []
        for _ in range(processes):
            reports, sending = context.Pipe()
            asker = Asker(begun, done, stop)
            process = context.Process(target=asker.ask_alone, args=(kb, sending))
            process.start()
            sending.close()
            others.append((process, reports))
        for _, reports in others:
            reports.recv()

        def ask(place: int) -> None:
            seen[place] = Asker(begun, done, stop).ask(opened)

        running = [threading.Thread(target=ask, args=(place,)) for place in range(threads)]
        for thread in running:
            thread.start()
        try:
            for number in range(changes):
                if number % 3 == 2:
                    opened.rollback()
                    continue
                begun.value += 1
                course.edit(begun.value)
                done.value = begun.value
                course.promote(begun.value)
        finally:
            stop.set()
            for thread in running:
                thread.join()
            for process, reports in others:
                seen.append(reports.recv())
                process.join()
    total = Seen()
    for one in seen:
        total.answers += one.answers
        total.from_weights += one.from_weights
        total.problems += one.problems
        total.problems += [
            f"an answer names the adapter {name}, which is not in the set {number} that it names"
            for number, name in one.served
            if name not in course.sets.get(number, ())
        ]
    return total


def promotions(models: Models, count: int, draw: random.Random, folder: Path) -> Iterator[Trial]:
    """So many promotions and rollbacks, while threads and processes ask."""
    from tests.conftest import make_adapter

    kb = models.knowledge_base(folder / "kb")
    with KnowledgeBase.open(kb) as opened:
        named = opened.settings.models.language_model
    base = model_files.resolve(named, "language_model").path
    make_adapter(base, folder / "adapter", draw.randrange(1000))
    started = time.monotonic()
    seen = hammer(
        kb, folder / "docs", folder / "adapter", count, threads=THREADS, processes=PROCESSES
    )
    yield Trial(
        f"{count} promotions and rollbacks",
        f"while {THREADS} threads and {PROCESSES} processes ask",
        f"{seen.answers} answers, {seen.from_weights} from the weights",
        round(time.monotonic() - started, 1),
        seen.problems,
    )
