"""The command line in processes of its own, forked from a server that has everything imported.

So a kill costs a fraction of a second, and its moment falls on work, not on imports. Knows nothing
of what the commands do.
"""

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

PRELOADED = [
    "faiss",
    "peft",
    "sentence_transformers",
    "ragcl.ingestion",
    "ragcl.consolidation.round",
]


@dataclass(frozen=True)
class Ran:
    """What a command said, and its exit code (negative: the signal that ended it)."""

    exit_code: int
    out: str
    err: str


@dataclass(frozen=True)
class Course:
    """How long a run takes and how long it writes, from the first write to the last, in seconds."""

    seconds: float
    writing: float


@dataclass(frozen=True)
class Moment:
    """`seconds` after the start of a run or, if `writing`, after its first write."""

    seconds: float
    writing: bool

    def __str__(self) -> str:
        """Such as `0.41 s after its first write`."""
        return f"{self.seconds:.3f} s" + (" after its first write" if self.writing else "")


def start(kb: Path, *arguments: str) -> BaseProcess:
    """Begin a command whose output nobody reads."""
    return _begin(kb, arguments, Path(os.devnull), Path(os.devnull), None)


def run(kb: Path, *arguments: str, file_size: int | None = None) -> Ran:
    """Run a command to its end; no file may grow beyond `file_size` bytes."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _begin(kb, arguments, out, err, file_size)
        process.join()
        return Ran(process.exitcode or 0, out.read_text("utf-8"), err.read_text("utf-8"))


def rehearse(kb: Path, *arguments: str) -> Course:
    """Time a run that nothing disturbs.

    Raises:
        SystemExit: it failed, so there is nothing to measure.
    """
    before = written(kb)
    started = time.monotonic()
    process = start(kb, *arguments)
    first = last = 0.0
    while process.is_alive():
        now = written(kb)
        if now != before:
            before, last = now, time.monotonic()
            first = first or last
        time.sleep(0.0005)
    if process.exitcode:
        raise SystemExit(f"ragcl {' '.join(arguments)} failed without a fault")
    return Course(time.monotonic() - started, last - first)


def kill(prepare: Callable[[], Path], moment: Moment, *arguments: str) -> Moment:
    """Run a command on what `prepare` makes and SIGKILL it.

    Returns:
        the moment of the kill: an earlier one where the run had ended by the one asked for.
    """
    seconds = moment.seconds
    while True:
        kb = prepare()
        before = written(kb)
        process = start(kb, *arguments)
        while moment.writing and process.is_alive() and written(kb) == before:
            time.sleep(0.0005)
        process.join(timeout=seconds)
        if process.is_alive():
            process.kill()
            process.join()
            return Moment(seconds, moment.writing)
        seconds *= 0.9


def written(kb: Path) -> frozenset[tuple[str, int]]:
    """A sign that changes with what is written: the sizes of the write-ahead log and the index."""
    found = set()
    for path in (kb / "catalog.sqlite-wal", *(kb / "index").glob("*")):
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            continue
        if size:
            found.add((path.name, size))
    return frozenset(found)


def copy(source: Path, target: Path) -> Path:
    """Make `target` a copy of a knowledge base that nothing has open."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target))


def _begin(
    kb: Path, arguments: tuple[str, ...], out: Path, err: Path, file_size: int | None
) -> BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_command, args=(kb, arguments, out, err, file_size))
    process.start()
    return process


def _command(
    kb: Path, arguments: tuple[str, ...], out: Path, err: Path, file_size: int | None
) -> None:
    import resource

    from ragcl.cli import main

    for path, stream in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    sys.argv = ["ragcl", "--kb", str(kb), *arguments]
    main()
