"""Watches a folder: ingests it, and again whenever something in it has changed.

`changes` yields when to ingest, `watch` ingests. Each ingest compares the whole folder with the
catalog, so a change that was not reported is found with the next one.

    with KnowledgeBase.open("kb") as kb:
        when = changes("docs", kb.folder)
        for event in watch(lambda: kb.ingest("docs", allow_empty=False), when):
            print(event)

Knows neither files nor storage.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ragcl.errors import (
    FolderUnavailableError,
    KnowledgeBaseBusyError,
    RagclError,
    UsageError,
)
from ragcl.printing import reason
from ragcl.results import IngestReport

log = logging.getLogger(__name__)

TICK_MS = 1000  # how often to check whether the folder is still the same one
QUIET_MS = 400  # a change is reported after so long without another one,
AT_MOST_MS = 5000  # and after this time at the latest


@dataclass(frozen=True)
class Waiting:
    """Why the folder cannot be ingested now; it is tried again."""

    reason: str


def watch(
    ingest: Callable[[], IngestReport], changes: Iterable[bool]
) -> Iterator[IngestReport | Waiting]:
    """Ingest now and after every change, until `changes` ends.

    Args:
        ingest: updates the knowledge base; called again until it succeeds.
        changes: the next value is taken after every attempt; it waits, and says whether something
            may have changed.

    Yields:
        The first report, and every one with news; and each new reason to wait for the knowledge
        base or the folder. No problem of a folder or a drive ends the watch.
    """
    last: IngestReport | None = None
    waiting: Waiting | None = None
    due = False
    for changed in chain([True], changes):
        due = due or changed
        if not due:
            continue
        try:
            report = ingest()
        except Exception as error:
            if not _is_transient(error, last is not None):
                raise
            if waiting != Waiting(_message(error)):
                waiting = Waiting(_message(error))
                yield waiting
            continue
        if last is None or waiting is not None or _is_news(report, last):
            yield report
        last, waiting, due = report, None, False


def changes(folder: str | os.PathLike[str], ignore: Path, *, poll: bool = False) -> Iterator[bool]:
    """Yield about once a second whether something under `folder` may have changed.

    A change is reported `QUIET_MS` after the last one. The folder may vanish and come back, as a
    drive that is unmounted and mounted again.

    Args:
        folder: the folder to watch, with all that is below it.
        ignore: a folder whose changes are ignored: the knowledge base.
        poll: look for changes, since the system does not report those of network drives.

    Yields:
        True after a change, when the watch has just begun, and while the folder cannot be watched.
    """
    import watchfiles

    root = Path(os.path.realpath(folder))

    def counts(_change: object, path: str) -> bool:
        return _is_relevant(Path(path), root, ignore)

    trouble = ""
    while True:
        try:
            identity = _identity(root)
            begun = True  # changes before the watch are unknown
            for found in watchfiles.watch(
                root,
                watch_filter=counts,
                debounce=AT_MOST_MS,
                step=QUIET_MS,
                rust_timeout=TICK_MS,
                yield_on_timeout=True,
                force_polling=poll or None,
                ignore_permission_denied=True,
            ):
                if _identity(root) != identity:
                    break
                yield begun or bool(found)
                begun, trouble = False, ""
        except FileNotFoundError:
            pass  # the ingest reports it
        except Exception as error:  # the library's errors have no common class
            if reason(error) != trouble:
                trouble = reason(error)
                log.warning("%s cannot be watched (%s): looking every second.", root, trouble)
        time.sleep(TICK_MS / 1000)
        yield True


def _is_transient(error: Exception, begun: bool) -> bool:
    """Whether an error may be gone at the next attempt, as all errors of a folder or drive.

    So may a usage error after the first success: a link in the path may be missing. Errors of
    models, settings or the catalog stay until a user acts.
    """
    if isinstance(error, (KnowledgeBaseBusyError, FolderUnavailableError)):
        return True
    return begun if isinstance(error, UsageError) else not isinstance(error, RagclError)


def _message(error: Exception) -> str:
    """The message of an error; an unexpected one gets its type."""
    return str(error) if isinstance(error, RagclError) else f"cannot ingest: {reason(error)}."


def _is_news(report: IngestReport, last: IngestReport) -> bool:
    """Whether an ingest changed something, or failed or skipped other files than before."""
    changed = report.added or report.updated or report.deleted
    return bool(changed) or (report.failed, report.skipped) != (last.failed, last.skipped)


def _is_relevant(path: Path, root: Path, ignore: Path) -> bool:
    """Whether a change of `path` may matter: an ingest ignores hidden files."""
    if path.is_relative_to(ignore) or not path.is_relative_to(root):
        return False
    *folders, name = path.relative_to(root).parts or ("",)
    hidden = any(part.startswith(".") for part in folders)
    return not hidden and (name == ".gitignore" or not name.startswith((".", "~$")))


def _identity(folder: Path) -> tuple[int, int]:
    """Device and inode of the folder."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino
