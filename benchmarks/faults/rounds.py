"""`kill -9` at random moments of a round of consolidation."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.processes import Moment, copy, kill, rehearse, run
from benchmarks.faults.samples import Models
from benchmarks.faults.states import doctors_findings
from benchmarks.faults.trials import Trial
from benchmarks.sample import REVISIONS, lay_out, questions
from ragcl import KnowledgeBase

FACTS = (2, 4)  # facts asked about before the first and before the second round


@dataclass(frozen=True)
class Learned:
    """The active adapters with their files, and what they answer."""

    adapters: list[str]
    files: dict[str, bytes]
    answer: str

    @classmethod
    def of(cls, folder: Path, question: str) -> "Learned":
        """What is active in a knowledge base, seen by one that has just opened it."""
        with KnowledgeBase.open(folder) as kb:
            adapters = [one.id for one in kb.catalog.learning.active()[1]]
            files = {
                f"{name}/{path.name}": path.read_bytes()
                for name in adapters
                for path in (folder / "adapters" / name).glob("adapter_*")
            }
            return cls(adapters, files, kb.ask(question, mode="weights", record=False).text)


def kills_of_rounds(
    models: Models, count: int, draw: random.Random, folder: Path
) -> Iterator[Trial]:
    """Kill the second round of a knowledge base, once in each part of its course."""
    if not count:
        return
    base, kb = models.knowledge_base(folder / "base"), folder / "kb"
    lay_out(REVISIONS[0], folder / "docs")
    first, second = _wordings()
    with KnowledgeBase.open(base) as opened:
        opened.ingest(folder / "docs")
        _ask(opened, first)
    if run(base, "consolidate").exit_code:
        raise SystemExit("the first round was not promoted: nothing to measure")
    with KnowledgeBase.open(base) as opened:
        _ask(opened, second)
    before = Learned.of(base, first[0])
    course = rehearse(copy(base, kb), "consolidate")
    after = Learned.of(kb, first[0])
    for number in range(count):
        seconds = course.seconds * draw.uniform(number, number + 1) / count
        moment = kill(lambda: copy(base, kb), Moment(seconds, False), "consolidate")
        yield _recover(kb, before, after, moment, first[0])


def _ask(kb: KnowledgeBase, questions: Sequence[str]) -> None:
    """Ask, and confirm the answers: random weights read another one at every wording."""
    for answer in kb.ask_many(questions):
        kb.feedback(answer.id, rating=1)


def _wordings() -> tuple[list[str], list[str]]:
    """The questions of the first facts, and of the facts after them."""
    asked = questions(REVISIONS[0], held_out=False)
    facts = list(dict.fromkeys(one["fact"] for one in asked))
    return tuple(  # type: ignore[return-value]
        [one["question"] for one in asked if one["fact"] in chosen]
        for chosen in (facts[: FACTS[0]], facts[FACTS[0] : FACTS[1]])
    )


def _recover(kb: Path, before: Learned, after: Learned, moment: Moment, question: str) -> Trial:
    """Look at what a kill left of a round, run another and compare."""
    problems = []
    with KnowledgeBase.open(kb) as opened:
        unfinished = opened.catalog.learning.unfinished_round()
    left = Learned.of(kb, question)
    promoted = left.adapters == after.adapters
    if left != (after if promoted else before):
        problems.append("what is active is neither the old nor the new")
    started = time.monotonic()
    ran = run(kb, "consolidate")
    seconds = time.monotonic() - started
    if ran.exit_code:
        problems.append(f"the next round ended with {ran.exit_code}: {ran.err}")
    if Learned.of(kb, question) != after:
        problems.append("the next round led elsewhere")
    with KnowledgeBase.open(kb) as opened:
        known = set(opened.catalog.learning.adapter_ids())
    if {path.name for path in (kb / "adapters").iterdir()} != known:
        problems.append("stray adapter folders")
    problems += doctors_findings(kb)
    stage = unfinished.stage if unfinished else "promoted" if promoted else "not begun"
    return Trial("consolidation", f"killed after {moment}", stage, round(seconds, 1), problems)
