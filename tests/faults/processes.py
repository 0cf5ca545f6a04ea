"""A process that does one verb on a knowledge base and is killed at a step of its work.

A step is a statement or a commit of SQLite, a file synced or renamed, a folder removed, a call that
a test is after, or a report of progress. They are wrapped in the child, after it was forked from a
server that has everything imported: real processes and real SIGKILLs, a fraction of a second each.
"""

import functools
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

PRELOADED = [
    "faiss",
    "sentence_transformers",
    "ragcl.ingestion",
    "ragcl.consolidation.round",
    "ragcl.switching",
]


rename = os.replace


@dataclass(frozen=True)
class KillAt:
    """The `number`th time (from 1) that a step of this name is reached."""

    step: str
    number: int = 1


@dataclass(frozen=True)
class Order:
    """What a child does: `ingest` a folder, `consolidate`, or `use` the embedder in a folder.

    With `flat_limit` an index of more chunks than that is given lists.
    """

    verb: str
    kb: Path
    folder: Path | None = None
    kill_at: KillAt | None = None
    pause_at: KillAt | None = None
    flat_limit: int | None = None


@dataclass(frozen=True)
class Ran:
    """What one command of the command line said, and its exit code."""

    exit_code: int | None
    out: str
    err: str


@dataclass(frozen=True)
class Ended:
    """How a child ended, and how often it reached each step (None if it was killed)."""

    exit_code: int | None
    steps: Counter[str] | None


def run(order: Order) -> Ended:
    """Let a child carry out an order, to its end or to its death."""
    process, reports = start(order)
    steps = None
    try:
        while True:
            message = reports.recv()
            if isinstance(message, Counter):
                steps = message
    except EOFError:
        process.join()
    return Ended(process.exitcode, steps)


def run_until(order: Order, wanted: Callable[[str, int, int], bool]) -> Ended:
    """Let a child work until its progress is what is `wanted`, and kill it from outside."""
    process, reports = start(order)
    try:
        while True:
            message = reports.recv()
            if not isinstance(message, Counter) and wanted(*message):
                process.kill()
                break
    except EOFError:
        pass
    process.join()
    return Ended(process.exitcode, None)


def start(order: Order) -> tuple[Any, Connection]:
    """A child at work, and the end of the pipe on which it reports (and is told to go on)."""
    context = _context()
    reports, sending = context.Pipe()
    process = context.Process(target=_child, args=(order, sending))
    process.start()
    sending.close()
    return process, reports


@contextmanager
def paused(order: Order) -> Iterator[None]:
    """A child that has stopped in the middle; it goes on, to its end, afterwards."""
    process, reports = start(order)
    while reports.recv() != ("paused", 0, 0):
        pass
    try:
        yield
    finally:
        reports.send("go on")
        try:
            while True:
                reports.recv()
        except EOFError:
            process.join()
    assert process.exitcode == 0


@contextmanager
def reading(kb: Path, question: str, *, holding: bool = False) -> Iterator[None]:
    """A process that has a knowledge base open and asks it, again and again.

    Or that is `holding` on to one snapshot of the catalog.
    """
    context = _context()
    ours, theirs = context.Pipe()
    process = context.Process(target=_read, args=(kb, question, holding, theirs))
    process.start()
    theirs.close()
    assert ours.recv() == "reading"
    try:
        yield
    finally:
        ours.send("stop")
        process.join()
    assert process.exitcode == 0


def _read(kb: Path, question: str, holding: bool, told: Connection) -> None:
    import torch

    from ragcl import KnowledgeBase

    torch.set_num_threads(1)
    with KnowledgeBase.open(kb) as opened:
        if holding:
            with opened.catalog.database.reading() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM chunks").all()
                told.send("reading")
                told.recv()
            return
        opened.ask(question)
        told.send("reading")
        while not told.poll():
            opened.ask(question)


def ragcl(kb: Path, *arguments: str, file_size: int | None = None) -> Ran:
    """Run a command in a process of its own; no file may grow beyond `file_size` bytes."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        context = _context()
        process = context.Process(target=_command, args=(kb, arguments, out, err, file_size))
        process.start()
        process.join()
        return Ran(process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


def _command(
    kb: Path, arguments: tuple[str, ...], out: Path, err: Path, file_size: int | None
) -> None:
    import torch

    from ragcl.cli import main

    torch.set_num_threads(1)
    for path, stream in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    if file_size is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    sys.argv = ["ragcl", "--kb", str(kb), *arguments]
    main()


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _child(order: Order, reports: Connection) -> None:
    import torch

    from ragcl import KnowledgeBase
    from ragcl.index import vector_index

    torch.set_num_threads(1)
    if order.flat_limit is not None:
        vector_index.INDEX = replace(vector_index.INDEX, exact_up_to=order.flat_limit)
    reached: Counter[str] = Counter()

    def step(name: str) -> None:
        reached[name] += 1
        if order.kill_at == KillAt(name, reached[name]):
            os.kill(os.getpid(), signal.SIGKILL)
        if order.pause_at == KillAt(name, reached[name]):
            reports.send(("paused", 0, 0))
            reports.recv()

    def progress(what: str, done: int, total: int) -> None:
        step(what)
        reports.send((what, done, total))

    _wrap(step)
    with KnowledgeBase.open(order.kb) as kb:
        if order.verb == "ingest":
            kb.ingest(order.folder, progress=progress)
        elif order.verb == "use":
            kb.use_models(embedder=str(order.folder), progress=progress)
        else:
            kb.consolidate(progress=progress)
    reports.send(reached)


def _wrap(step: Callable[[str], None]) -> None:
    """Call `step` at everything that changes what is on the disk."""
    from sqlalchemy import Engine, event
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

    from ragcl import ingestion, switching
    from ragcl.catalog import Catalog
    from ragcl.catalog.documents import Documents
    from ragcl.catalog.learning import Learning
    from ragcl.catalog.vectors import Vectors
    from ragcl.consolidation import promotion
    from ragcl.index.inverted_lists import InvertedLists
    from ragcl.index.vector_index import VectorIndex

    switching.AT_ONCE = 32
    ingestion.GROUP_CHUNKS = 12  # several groups, also on a small folder
    event.listen(Engine, "before_cursor_execute", lambda *_: step("statement"))
    places: list[tuple[Any, str]] = [
        (SQLiteDialect_pysqlite, "do_commit"),
        (Catalog, "put"),
        (Documents, "replace"),
        (Documents, "remove"),
        (Documents, "touch"),
        (Documents, "set_failures"),
        (InvertedLists, "train"),
        (InvertedLists, "add"),
        (VectorIndex, "save"),
        (Vectors, "add"),
        (Vectors, "switch"),
        (Learning, "add_study"),
        (Learning, "add_adapter"),
        (Learning, "promote"),
        (Learning, "drop_adapters"),
        (promotion, "clean_up"),
        (os, "fsync"),
        (os, "replace"),
        (shutil, "rmtree"),
    ]
    under_way: list[str] = []
    for holder, name in places:
        setattr(holder, name, _around(getattr(holder, name), name, step, under_way))


def _around(
    function: Callable[..., Any], name: str, step: Callable[[str], None], under_way: list[str]
) -> Any:
    """The function with a step before and one after it.

    A commit is also a step inside its caller; a rename is also a step before and after its target.
    """

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        step(f"before {name}")
        if name == "do_commit" and under_way:
            step(f"inside {under_way[-1]}")
        if function is rename:
            step(f"before {Path(args[1]).name}")
        under_way.append(name)
        result = function(*args, **kwargs)
        under_way.pop()
        step(f"after {name}")
        if function is rename:
            step(f"after {Path(args[1]).name}")
        return result

    return wrapped
