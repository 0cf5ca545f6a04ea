"""Following a folder: when it is ingested, what is told of it, and what never empties an index."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from ragcl import KnowledgeBase
from ragcl.cli import watching
from ragcl.cli.watching import Waiting, changes, watch
from ragcl.errors import (
    CatalogError,
    FolderUnavailableError,
    KnowledgeBaseBusyError,
    SettingsError,
    UsageError,
)
from ragcl.results import Failure, IngestReport

BUSY = KnowledgeBaseBusyError("it is busy.")
GONE = FolderUnavailableError("it is gone.")


def scripted(*outcomes: IngestReport | Exception) -> Callable[[], IngestReport]:
    """An ingest that ends in these ways, one after another; one too many is an error."""
    left = iter(outcomes)

    def ingest() -> IngestReport:
        outcome = next(left, AssertionError("ingested once too often"))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return ingest


def report(**what: Any) -> IngestReport:
    return IngestReport(root="/docs", **what)


# --- when it ingests, and what it tells


def test_it_ingests_at_once_and_after_every_change() -> None:
    first, second = report(), report(updated=["a.md"])

    assert list(watch(scripted(first), [])) == [first]
    assert list(watch(scripted(first, second), [False, True, False])) == [first, second]


def test_an_ingest_that_found_nothing_new_is_not_told() -> None:
    failed = report(failed=[Failure("a.pdf", "damaged")])
    skipped = report(failed=failed.failed, skipped=[Failure("b", "no reader")])
    outcomes = [report(), report(unchanged=["a.md"]), failed, failed, skipped]

    assert list(watch(scripted(*outcomes), [True] * 4)) == [outcomes[0], failed, skipped]


@pytest.mark.parametrize("trouble", [BUSY, GONE])
def test_what_cannot_be_done_now_is_told_once_and_tried_until_it_can(trouble: Exception) -> None:
    first, later = report(), report(unchanged=["a.md"])
    ingest = scripted(first, trouble, trouble, later)

    told = list(watch(ingest, [False, True, False, False, False]))

    assert told == [first, Waiting(str(trouble)), later]


def test_another_reason_to_wait_is_told_too() -> None:
    told = list(watch(scripted(BUSY, GONE, BUSY, report()), [False] * 3))

    assert told == [
        Waiting("it is busy."),
        Waiting("it is gone."),
        Waiting("it is busy."),
        report(),
    ]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (OSError(5, "Input/output error"), "cannot ingest: input/output error."),
        (PermissionError(13, "Permission denied"), "cannot ingest: permission denied."),
        (RecursionError("too\ndeep"), "cannot ingest: RecursionError: too deep."),
        (OverflowError("a stamp"), "cannot ingest: OverflowError: a stamp."),
        (UsageError("there is no folder."), "there is no folder."),
    ],
)
def test_whatever_a_folder_or_a_drive_does_is_told_and_waited_for(
    trouble: Exception, said: str
) -> None:
    first, later = report(), report(updated=["a.md"])

    told = list(watch(scripted(first, trouble, trouble, later), [True, False, False]))

    assert told == [first, Waiting(said), later]


def test_a_folder_that_never_was_ends_it() -> None:
    with pytest.raises(UsageError, match="no folder"):
        list(watch(scripted(UsageError("no folder")), [True]))


def test_settings_that_are_wrong_end_it() -> None:
    with pytest.raises(SettingsError, match="wrong"):
        list(watch(scripted(report(), SettingsError("wrong")), [True]))


def test_a_damaged_catalog_ends_it() -> None:
    with pytest.raises(CatalogError, match="damaged"):
        list(watch(scripted(report(), CatalogError("damaged")), [True]))


# --- a folder that goes away


def test_documents_outlive_a_folder_that_is_gone_or_empty(kb: KnowledgeBase, docs: Path) -> None:
    away = docs.with_name("away")
    kept = []

    def then() -> Iterator[bool]:
        docs.rename(away)  # e.g. a drive is unmounted,
        yield True
        kept.append(kb.status().documents)
        docs.mkdir()  # its mount point appears
        yield False
        kept.append(kb.status().documents)
        docs.rmdir()  # and it is mounted again
        away.rename(docs)
        (docs / "pilots.txt").unlink()
        yield False

    told = list(watch(lambda: kb.ingest(docs, allow_empty=False), then()))

    assert [type(event) for event in told] == [IngestReport, Waiting, Waiting, IngestReport]
    assert "there is no folder" in told[1].reason
    assert "is empty, but 4 documents came from it" in told[2].reason
    assert kept == [4, 4]
    assert (told[3].deleted, len(told[3].unchanged)) == (["pilots.txt"], 3)


# --- what counts as a change


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[set[Any] | Exception]:
    """What the library tells each watch of a folder in turn; nothing is waited for."""
    script: list[set[Any] | Exception] = []

    def fake(*_paths: Path, **_options: Any) -> Iterator[set[Any]]:
        while script:
            found = script.pop(0)
            if isinstance(found, Exception):
                raise found
            yield found

    monkeypatch.setattr(watchfiles, "watch", fake)
    monkeypatch.setattr(watching.time, "sleep", lambda _seconds: None)
    return script


def test_a_watch_that_begins_counts_as_a_change(told: list[Any], docs: Path) -> None:
    told += [set(), set(), {(1, "a")}]
    found = changes(docs, docs / "kb")

    assert [next(found) for _ in range(3)] == [True, False, True]


def test_another_folder_at_the_same_path_is_watched_anew(told: list[Any], docs: Path) -> None:
    told += [set(), set(), set(), set(), set()]
    found = changes(docs, docs / "kb")
    before = [next(found), next(found)]
    docs.rename(docs.with_name("old"))
    docs.mkdir()

    assert before == [True, False]
    assert [next(found) for _ in range(3)] == [True, True, False]


def test_a_folder_that_is_gone_is_looked_for(told: list[Any], docs: Path) -> None:
    found = changes(docs, docs / "kb")
    shutil.rmtree(docs)
    missing = [next(found) for _ in range(3)]
    docs.mkdir()
    told += [set(), set()]

    assert missing == [True] * 3
    assert [next(found) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("kind", [OSError, RuntimeError, ValueError])
def test_a_folder_that_the_system_cannot_watch_is_looked_at(
    told: list[Any], docs: Path, caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    told += [kind("file watch limit reached")] * 3
    found = changes(docs, docs / "kb")

    assert [next(found) for _ in range(3)] == [True] * 3
    assert caplog.text.count("file watch limit reached") == 1


def test_what_an_ingest_passes_over_does_not_wake_it(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    def fake(*_paths: Path, **options: Any) -> Iterator[set[Any]]:
        seen.update(options)
        yield set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watchfiles, "watch", fake)
        next(changes(tmp_path, tmp_path / "kb", poll=True))
    matters = {
        name: seen["watch_filter"](None, str(tmp_path / name))
        for name in ("a.md", "sub/b.md", ".gitignore", "sub/.gitignore", "kb/catalog.sqlite",
                     ".git/index", ".hidden", "~$letter.docx", "sub/.x/y.md")
    }  # fmt: skip

    assert [name for name, yes in matters.items() if yes] == [
        "a.md", "sub/b.md", ".gitignore", "sub/.gitignore",
    ]  # fmt: skip
    assert seen["force_polling"] is True


# --- the real thing


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process")
@pytest.mark.parametrize("how", [[], ["--poll"]])
def test_the_command_follows_a_folder_until_it_is_stopped(
    kb_folder: Path, docs: Path, how: list[str]
) -> None:
    command = [sys.executable, "-m", "ragcl", "--kb", str(kb_folder), "ingest", "--watch"]
    process = subprocess.Popen(
        [*command, "--json", *how, str(docs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        # What a shell starts in the background, this test perhaps, ignores Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    hung = threading.Timer(300, process.kill)
    hung.start()
    try:
        first = json.loads(process.stdout.readline())
        (docs / "new.md").write_text("# New\n\nA lighthouse.\n", encoding="utf-8")
        second = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate()
    finally:
        hung.cancel()
        process.kill()

    assert len(first["added"]) == 4
    assert (second["added"], len(second["unchanged"])) == (["new.md"], 4)
    other = [line for line in errors.splitlines() if " of " not in line]  # no progress
    assert (process.returncode, rest, other) == (0, "", [])
