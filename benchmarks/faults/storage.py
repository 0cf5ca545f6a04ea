"""A disk that is full, an index file that is damaged, a catalog copied while it is written."""

import contextlib
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.faults.processes import Ran, copy, rehearse, run, start, written
from benchmarks.faults.samples import INDEX, Case, damages
from benchmarks.faults.states import State, doctors_findings
from benchmarks.faults.trials import Trial, recover
from ragcl.index.live_index import CATALOG_LOST

CATALOG = "catalog.sqlite"
DISK_MB = 96
BLOCK = 1 << 16


def limited_files(
    cases: Sequence[Case], count: int, draw: random.Random, folder: Path
) -> Iterator[Trial]:
    """Run out of space by the limit on the size of a process's files: needs no rights."""
    kb = folder / "kb"
    for number in range(count):
        case = cases[number % len(cases)]
        run(case.prepare(kb), *case.arguments)
        limit = draw.randrange(max(path.stat().st_size for path in _files(kb)))
        ran = run(case.prepare(kb), *case.arguments, file_size=limit)
        moment = f"no file beyond {limit:,} bytes: exit code {ran.exit_code}"
        yield recover(case, kb, f"disk full, {case.name}", moment, problems=_refusal(ran))


def full_disks(
    cases: Sequence[Case], count: int, draw: random.Random, folder: Path
) -> Iterator[Trial]:
    """Run out of space on a small disk of its own.

    Raises:
        PermissionError: this user may not mount one.
    """
    with _small_disk(folder / "disk") as disk:
        kb = disk / "kb"
        for number in range(count):
            case = cases[number % len(cases)]
            before = _size(case.prepare(kb))
            rehearse(kb, *case.arguments)
            growth = 2 * max(_size(kb) - before, 100_000)  # the write-ahead log comes on top
            case.prepare(kb)
            leave = draw.randrange(growth) if number % 4 else 0
            ballast = _fill(disk, leave)
            ran = run(kb, *case.arguments)
            ballast.unlink()
            moment = f"{leave:,} bytes left: exit code {ran.exit_code}"
            yield recover(case, kb, f"disk full, {case.name}", moment, problems=_refusal(ran))


def damaged_indexes(case: Case, count: int, draw: random.Random, folder: Path) -> Iterator[Trial]:
    """Damage the index file somewhere; the next search has to be right all the same."""
    kb = folder / "kb"
    for _, (name, damage) in zip(range(count), damages(draw), strict=False):
        copy(case.base, kb)
        damage(kb / INDEX)
        found = doctors_findings(copy(kb, folder / "looked-at"))
        problems = [] if found else ["the doctor does not see it"]
        yield recover(case, kb, f"index {name}", "between two runs", problems=problems)


def copies(cases: Sequence[Case], count: int, draw: random.Random, folder: Path) -> Iterator[Trial]:
    """Copy the catalog while an ingest commits to it, and use each copy as a knowledge base."""
    kb, taken = folder / "kb", folder / "copies"
    courses = {case.name: rehearse(case.prepare(kb), *case.arguments) for case in cases}
    batches = made = 0
    while made < count:
        case = cases[batches % len(cases)]
        writing = courses[case.name].writing
        shutil.rmtree(taken, ignore_errors=True)
        before = written(case.prepare(kb))
        process = start(kb, *case.arguments)
        batch: list[tuple[str, Path]] = []
        while process.is_alive() and made + len(batch) < count:
            if written(kb) == before:
                continue
            time.sleep(draw.uniform(0, writing / 4))
            kind = draw.choice(list(KINDS))
            target = taken / str(len(batch))
            target.mkdir(parents=True)
            KINDS[kind](kb, target, draw)
            batch.append((kind, target))
        process.join()
        problems = State.of(kb).differences(case.after)
        for kind, target in batch:
            shutil.copyfile(kb / "ragcl.toml", target / "ragcl.toml")
            if draw.random() < 0.5:  # as when it is put back into the knowledge base
                shutil.copytree(kb / "index", target / "index")
            yield _judged(case, target, f"catalog copied, {kind}", list(problems))
        made += len(batch)
        batches += 1


def _judged(case: Case, kb: Path, fault: str, problems: list[str]) -> Trial:
    """Use a copy: it is whole, and can be brought up to date; or it is refused with what to do.

    Of a copy that holds nothing yet, beside an index that does, the doctor says what to do too.
    """
    moment = "while it was written"
    looked = run(kb, "doctor")
    if looked.exit_code == 3:
        problems += [] if _one_line(looked, "Restore") else [f"refused with {looked.err!r}"]
        searched = run(kb, "search", "any", "--json")
        if searched.exit_code and not _one_line(searched, "Restore"):
            problems.append(f"a search ended with {searched.exit_code}: {searched.err}")
        return Trial(fault, moment, "refused, saying what to do", 0.0, problems)
    if looked.exit_code and CATALOG_LOST not in looked.out:
        problems.append(f"doctor ended with {looked.exit_code}: {looked.out} {looked.err}")
    return recover(case, kb, fault, moment, problems=problems)


def _copy_alone(kb: Path, target: Path, draw: random.Random) -> None:
    _copy_files(kb, target, [""], draw)


def _copy_with_log(kb: Path, target: Path, draw: random.Random) -> None:
    _copy_files(kb, target, ["", "-wal"], draw)


def _copy_all(kb: Path, target: Path, draw: random.Random) -> None:
    _copy_files(kb, target, ["", "-wal", "-shm"], draw)


def _copy_files(kb: Path, target: Path, suffixes: list[str], draw: random.Random) -> None:
    """File by file in any order and block by block, as `cp` does that knows nothing of SQLite."""
    for suffix in draw.sample(suffixes, len(suffixes)):
        name = CATALOG + suffix
        if not (kb / name).exists():  # the ingest has ended and taken its log away
            continue
        with (kb / name).open("rb") as source, (target / name).open("wb") as copied:
            while block := source.read(BLOCK):
                copied.write(block)
                time.sleep(draw.uniform(0, 0.002))


def _back_up(kb: Path, target: Path, _draw: random.Random) -> None:
    with (
        contextlib.closing(sqlite3.connect(kb / CATALOG)) as source,
        contextlib.closing(sqlite3.connect(target / CATALOG)) as copied,
    ):
        source.backup(copied)


KINDS = {
    "alone": _copy_alone,
    "with its log": _copy_with_log,
    "with log and shared memory": _copy_all,
    "by SQLite's backup": _back_up,
}


def _refusal(ran: Ran) -> list[str]:
    """What is wrong with how a command took it that there is no space.

    It may be done, done in part (the doctor, who says what was not repaired), or refused.
    """
    if ran.exit_code == 0 or (ran.exit_code == 1 and "not repaired" in ran.out):
        return []
    if ran.exit_code == 3 and _one_line(ran, "space"):
        return []
    return [f"ended with {ran.exit_code}: {ran.err[-500:]}"]


def _one_line(ran: Ran, said: str) -> bool:
    """Whether a command said one line, with the remedy in it."""
    lines = [line for line in ran.err.splitlines() if line]
    return len(lines) == 1 and said in lines[0]


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        raise PermissionError("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _fill(disk: Path, leave: int) -> Path:
    """Take all the space of a disk but `leave` bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    with ballast.open("r+b") as file:
        file.truncate(max(0, ballast.stat().st_size - leave))
    return ballast


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in _files(folder))
