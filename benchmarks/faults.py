"""Real kills: `ragcl ingest` and `ragcl consolidate` are killed at random moments, then run again.

    python -m benchmarks.faults [--ingest 20] [--consolidation 5] [--seed 0] [--folder FOLDER]

Runs on the sample handbook and the default models. Each kill is a SIGKILL of a process of its own,
at a moment drawn from the seed. Afterwards the knowledge base must hold the last committed state,
and one more run must bring it to just what a run without a kill brings. Prints a table, writes
`benchmarks/results/faults.json`, and ends with 1 if anything was lost.
"""

import argparse
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sample import REVISIONS, lay_out, questions
from ragcl import KnowledgeBase

RESULTS = Path(__file__).parent / "results" / "faults.json"
SEARCHED = 12  # questions whose hits are compared
FACTS = (4, 8)  # facts asked about before the first and before the second round
# A short round whose gate lets all pass: what is measured is the recovery, not the learning.
SMALL_ROUND = {
    "RAGCL_CONSOLIDATION__EPOCHS": "1",
    "RAGCL_CONSOLIDATION__MIN_ASKS": "1",
    "RAGCL_CONSOLIDATION__MIN_PROVED": "0",
    "RAGCL_CONSOLIDATION__MIN_AGREEMENT": "0",
    "RAGCL_CONSOLIDATION__MAX_PERPLEXITY_RATIO": "100",
    "RAGCL_CONSOLIDATION__MAX_CONTEXT_CHANGE": "1",
}


@dataclass(frozen=True)
class Kill:
    """One kill: `seconds` after the start or, if `from_first_write`, after the first write.

    `found` is what the kill left behind; `problems` is empty when nothing was lost.
    """

    number: int
    work: str
    seconds: float
    from_first_write: bool
    found: str
    recovery_seconds: float
    problems: list[str] = field(default_factory=list)


def main() -> None:
    """Kill, look, run again, compare."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--ingest", type=int, default=20)
    parser.add_argument("--consolidation", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    options = parser.parse_args()
    os.environ.update(SMALL_ROUND)
    started = time.time()
    with tempfile.TemporaryDirectory(prefix="ragcl-faults-") as temporary:
        folder = options.folder or Path(temporary)
        kills = kill_ingests(folder / "ingest", options.ingest, options.seed)
        kills += kill_rounds(folder / "rounds", options.consolidation, options.seed)
    lost = [kill for kill in kills if kill.problems]
    print(f"{len(kills)} kills, {len(lost)} with something lost, {time.time() - started:.0f} s")
    RESULTS.parent.mkdir(exist_ok=True)
    result = {
        "command": f"python -m benchmarks.faults --ingest {options.ingest} "
        f"--consolidation {options.consolidation} --seed {options.seed}",
        "machine": {"processors": os.cpu_count(), "platform": platform.platform(terse=True)},
        "seconds": round(time.time() - started),
        "kills": len(kills),
        "lost": len(lost),
        "rows": [asdict(kill) for kill in kills],
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    sys.exit(bool(lost))


# Ingests


def kill_ingests(folder: Path, count: int, seed: int) -> list[Kill]:
    """Kill the ingest of each revision in turn; every other one once it has begun to write."""
    if not count:
        return []
    docs = folder / "handbook"
    bases, references = _ingested(folder, docs)
    draw = random.Random(f"ingest {seed}")
    durations: dict[int, tuple[float, float]] = {}
    kills = []
    for number in range(count):
        step = number % len(REVISIONS)
        kb = folder / "kb"
        command = ["ingest", str(docs)]
        lay_out(REVISIONS[step], docs)
        if step not in durations:
            _copy(bases[step], kb)
            durations[step] = _rehearse(kb, command)
        whole, writing = durations[step]
        late = bool(number % 2)
        seconds = draw.uniform(0, writing if late else whole)
        seconds = _kill(bases[step], kb, command, seconds, late)
        kills.append(_recovered(kb, docs, references[step], number, step, seconds, late))
        _show(kills[-1])
    return kills


def _ingested(folder: Path, docs: Path) -> tuple[list[Path], list["State"]]:
    """A knowledge base before each revision is ingested, and the state afterwards."""
    bases, references = [], []
    for step, revision in enumerate(REVISIONS):
        base = folder / f"base-{step}"
        docs.mkdir(parents=True, exist_ok=True)  # the first time it is empty
        if step:
            lay_out(REVISIONS[step - 1], docs)
        with KnowledgeBase.open(base) as kb:
            kb.ingest(docs)
        lay_out(revision, docs)
        with KnowledgeBase.open(folder / f"reference-{step}") as kb:
            kb.ingest(docs)
            references.append(State.of(kb))
        bases.append(base)
    return bases, references


@dataclass(frozen=True)
class State:
    """All that is known of the documents: by path, by content hash, by question."""

    documents: dict[str, tuple[str, tuple[str, ...]]]
    vectors: dict[str, np.ndarray]
    hits: dict[str, list[tuple[str, str, Any]]]

    @classmethod
    def of(cls, kb: KnowledgeBase) -> "State":
        """The state of an open knowledge base with one root."""
        documents = {}
        for root in kb.catalog.documents.roots():
            root_id = kb.catalog.documents.root_id(root)
            for record in kb.catalog.documents.of_root(root_id):
                hashes = tuple(kb.catalog.documents.hashes_of(root_id, record.path))
                documents[record.path] = (record.sha256, hashes)
        held = {key for _, hashes in documents.values() for key in hashes}
        hits = {}
        for one in questions(REVISIONS[1], held_out=True)[:SEARCHED]:
            found = kb.search(one["question"], k=1000)
            hits[one["question"]] = sorted((h.content_hash, h.source, h.lines) for h in found)
        return cls(documents, kb.catalog.documents.known_vectors(held), hits)

    def differences(self, other: "State") -> list[str]:
        """What is not the same in both."""
        found = []
        if self.documents != other.documents:
            found.append("documents differ")
        if self.vectors.keys() != other.vectors.keys():
            found.append("chunks differ")
        elif any(not np.allclose(v, other.vectors[k], atol=0.02) for k, v in self.vectors.items()):
            found.append("vectors differ")
        if self.hits != other.hits:
            found.append("searches differ")
        return found


def _recovered(
    folder: Path, docs: Path, reference: State, number: int, step: int, seconds: float, late: bool
) -> Kill:
    """Look at what a kill left, ingest again and compare with what was to be."""
    problems = []
    started = time.time()
    with KnowledgeBase.open(folder) as kb:
        left = State.of(kb)
        done = {
            p for p, document in left.documents.items() if reference.documents.get(p) == document
        }
        report = kb.ingest(docs)
        if done & {*report.added, *report.updated}:
            problems.append("committed documents were read again")
        problems += State.of(kb).differences(reference)
        problems += kb.doctor(repair=False).problems
    return Kill(
        number=number,
        work=f"ingest {REVISIONS[step]}",
        seconds=round(seconds, 3),
        from_first_write=late,
        found=f"{len(done)} of {len(reference.documents)} documents",
        recovery_seconds=round(time.time() - started, 1),
        problems=problems,
    )


# Rounds


def kill_rounds(folder: Path, count: int, seed: int) -> list[Kill]:
    """Kill the second round of a knowledge base at moments all over its course."""
    if not count:
        return []
    base, docs, kb = folder / "base", folder / "handbook", folder / "kb"
    base.mkdir(parents=True)
    lay_out(REVISIONS[0], docs)
    wordings = _wordings()
    with KnowledgeBase.open(base) as opened:
        opened.ingest(docs)
        opened.ask_many(wordings[0])
    if _ragcl(base, ["consolidate"]).wait():
        raise SystemExit("the first round was not promoted: nothing to measure")
    with KnowledgeBase.open(base) as opened:
        opened.ask_many(wordings[1])
    before = Learned.of(base, wordings[0][0])
    _copy(base, kb)
    whole, _ = _rehearse(kb, ["consolidate"])
    expected = Learned.of(kb, wordings[0][0])
    draw = random.Random(f"rounds {seed}")
    kills = []
    for number in range(count):
        # One in each part of the round, so that every stage has its kill.
        seconds = whole * draw.uniform(number, number + 1) / count
        seconds = _kill(base, kb, ["consolidate"], seconds, from_first_write=False)
        kills.append(_round_recovered(kb, before, expected, number, seconds, wordings[0][0]))
        _show(kills[-1])
    return kills


def _wordings() -> list[list[str]]:
    """The questions of the first facts, and of the facts after them."""
    asked = questions(REVISIONS[0], held_out=False)
    facts = list(dict.fromkeys(one["fact"] for one in asked))
    first, last = FACTS
    return [
        [one["question"] for one in asked if one["fact"] in chosen]
        for chosen in (facts[:first], facts[first:last])
    ]


@dataclass(frozen=True)
class Learned:
    """The active adapters with their files, and what they answer."""

    adapters: list[str]
    files: dict[str, bytes]
    answer: str

    @classmethod
    def of(cls, folder: Path, question: str) -> "Learned":
        """What is active in a knowledge base, seen by a process that has just opened it."""
        with KnowledgeBase.open(folder) as kb:
            adapters = [one.id for one in kb.catalog.learning.active()[1]]
            files = {
                f"{name}/{path.name}": path.read_bytes()
                for name in adapters
                for path in (folder / "adapters" / name).glob("adapter_*")
            }
            return cls(adapters, files, kb.ask(question, mode="weights", record=False).text)


def _round_recovered(
    folder: Path, before: Learned, expected: Learned, number: int, seconds: float, question: str
) -> Kill:
    """Look at what a kill left, consolidate again and compare with what was to be."""
    problems = []
    with KnowledgeBase.open(folder) as kb:
        unfinished = kb.catalog.learning.unfinished_round()
    left = Learned.of(folder, question)
    if left.adapters == before.adapters:
        if left != before:
            problems.append("the active adapter changed")
    elif left.adapters != expected.adapters:
        problems.append("what is active is neither the old nor the new")
    promoted = left.adapters == expected.adapters
    started = time.time()
    if _ragcl(folder, ["consolidate"]).wait():
        problems.append("the next round did not complete")
    recovery = time.time() - started
    with KnowledgeBase.open(folder) as kb:
        if [one.id for one in kb.catalog.learning.active()[1]] != expected.adapters:
            problems.append("the next round led elsewhere")
        on_disk = {path.name for path in (folder / "adapters").iterdir()}
        if on_disk != set(kb.catalog.learning.adapter_ids()):
            problems.append("stray adapter folders")
        problems += kb.doctor(repair=False).problems
    stage = unfinished.stage if unfinished else ("promoted" if promoted else "not begun")
    return Kill(
        number=number,
        work="consolidate",
        seconds=round(seconds, 3),
        from_first_write=False,
        found=stage,
        recovery_seconds=round(recovery, 1),
        problems=problems,
    )


# Processes


def _ragcl(kb: Path, arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
    """The command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "ragcl.cli", "--kb", str(kb), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _rehearse(kb: Path, arguments: Sequence[str]) -> tuple[float, float]:
    """How long a run takes, in seconds, and how long it writes to the catalog."""
    started = time.monotonic()
    process = _ragcl(kb, arguments)
    _await_write(kb, process)
    first = last = time.monotonic()
    size = 0
    while process.poll() is None:
        now = _written(kb)
        if now != size:
            size, last = now, time.monotonic()
        time.sleep(0.001)
    if process.returncode:
        raise SystemExit(f"ragcl {arguments[0]} failed without being killed")
    return time.monotonic() - started, last - first


def _kill(
    base: Path, kb: Path, arguments: Sequence[str], seconds: float, from_first_write: bool
) -> float:
    """Run it on a copy of `base` and kill it; the moment, earlier if it had ended by then."""
    while True:
        _copy(base, kb)
        process = _ragcl(kb, arguments)
        if from_first_write:
            _await_write(kb, process)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return seconds
        seconds *= 0.9


def _await_write(kb: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until something is written to the catalog: its write-ahead log grows."""
    while process.poll() is None and not _written(kb):
        time.sleep(0.001)


def _written(kb: Path) -> int:
    """The bytes of the write-ahead log, which grows with what is committed."""
    try:
        return (kb / "catalog.sqlite-wal").stat().st_size
    except FileNotFoundError:
        return 0


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def _show(kill: Kill) -> None:
    moment = f"{kill.seconds:.2f} s" + (" after its first write" if kill.from_first_write else "")
    verdict = "; ".join(kill.problems) or "nothing lost"
    print(
        f"{kill.work:20} killed at {moment:32} {kill.found:20} "
        f"recovered in {kill.recovery_seconds:.1f} s  {verdict}",
        flush=True,
    )


if __name__ == "__main__":
    main()
