"""Scans a folder, and finds what changed since the last scan.

Uses names, sizes and times, and `.gitignore`; opens no other file.
"""

import hashlib
import os
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.ignoring import Ignored
from ingest.readers import SUFFIXES

# A file changed within this time of the last look may have been changed again inside one tick of
# the file system's clock (FAT counts in 2 s), so that its stamps say nothing. Git calls such an
# entry "racily clean" (Documentation/technical/racy-git.txt).
RACY_NS = 2_000_000_000
_SYSTEM = frozenset({"desktop.ini", "thumbs.db", "ehthumbs.db"})  # hidden files of Windows
_ARCHIVES = frozenset({".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst"})
# The last nanosecond in 64 bits, in the year 2262, to which the stamps of a broken clock are
# clipped. One less, so that a filter can lie beyond it.
_LAST_NS = 2**63 - 2


@dataclass(frozen=True)
class SourceFile:
    """One readable file; `path` is relative to the scanned folder, with forward slashes."""

    path: str
    absolute: Path
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True)
class KnownFile:
    """A file as it was at `checked_ns`, the start of the last scan that found it so."""

    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str
    checked_ns: int


@dataclass(frozen=True)
class Skipped:
    """An entry of the folder that is not read, and why.

    `gone`: a document that was once at this path is certainly no longer there (a link has replaced
    it); otherwise it may still exist.
    """

    path: str
    reason: str
    gone: bool = False


@dataclass(frozen=True)
class Scan:
    """The content of a folder at `started_ns`, both lists sorted by path."""

    files: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...]
    started_ns: int


@dataclass(frozen=True)
class Plan:
    """The work of an ingest: `to_read` may have changed and have to be hashed.

    `kept` are skipped entries at or above known files, whose documents are therefore kept.
    """

    to_read: tuple[SourceFile, ...]
    unchanged: tuple[str, ...]
    deleted: tuple[str, ...]
    kept: tuple[Skipped, ...] = ()


def scan(
    root: Path, *, max_bytes: int, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> Scan:
    """List the files under `root` that can be read, without opening any.

    Hidden files and folders, Windows' own files, the lock files of office programs, and all that
    `exclude` or a `.gitignore` in the folder or below it names are left out of the result. Links
    are never followed.

    Args:
        root: The folder.
        max_bytes: Larger files are skipped.
        include: Patterns as in a `.gitignore`; if there are any, only files that match one.
        exclude: Patterns as in a `.gitignore`; no `.gitignore` can negate them.

    Raises:
        ValueError: A pattern is invalid.
        FileNotFoundError: There is nothing at `root`.
        NotADirectoryError: `root` is not a folder.
        PermissionError: `root` itself may not be listed.
    """
    started_ns = time.time_ns()
    if not root.exists():
        raise FileNotFoundError(f"there is no folder {root}")
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; give the folder that holds it")
    root = root.resolve()
    ignored = Ignored(include, exclude)
    files: list[SourceFile] = []
    skipped: list[Skipped] = []
    pending: list[tuple[Path, str]] = [(root, "")]
    while pending:
        folder, prefix = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except FileNotFoundError:
            continue  # removed since its parent was listed
        except OSError as error:
            if folder == root:
                raise
            skipped.append(Skipped(prefix.rstrip("/"), f"folder cannot be listed: {_why(error)}"))
            continue
        if any(entry.name == ".gitignore" for entry in entries):
            ignored.read(folder / ".gitignore", prefix)
        for entry in entries:
            if entry.name.startswith((".", "~$")) or entry.name.lower() in _SYSTEM:
                continue
            path = prefix + entry.name
            try:
                found = _look(entry, path, max_bytes)
            except FileNotFoundError:
                continue
            except OSError as error:
                found = Skipped(path, f"cannot be looked at: {_why(error)}")
            if ignored(path, is_folder=found is None):
                continue
            if found is None:
                pending.append((folder / entry.name, f"{path}/"))
            elif isinstance(found, SourceFile):
                files.append(found)
            else:
                skipped.append(found)
    return Scan(
        files=tuple(sorted(files, key=lambda file: file.path)),
        skipped=tuple(sorted(skipped, key=lambda one: one.path)),
        started_ns=started_ns,
    )


def together(whole: Scan, parts: Mapping[str, Scan | Skipped]) -> Scan:
    """Merge a scan with scans of folders within it, which may be hidden ones.

    Args:
        whole: The scan of the folder.
        parts: For the path of each folder within it, its own scan, or why there is none.
    """
    files = {file.path: file for file in whole.files}
    skipped = {one.path: one for one in whole.skipped}
    for folder, part in parts.items():
        if isinstance(part, Skipped):
            skipped[folder] = part
            continue
        for file in part.files:
            files.setdefault(f"{folder}/{file.path}", replace(file, path=f"{folder}/{file.path}"))
        for one in part.skipped:
            skipped.setdefault(f"{folder}/{one.path}", replace(one, path=f"{folder}/{one.path}"))
    return Scan(
        files=tuple(sorted(files.values(), key=lambda file: file.path)),
        skipped=tuple(sorted(skipped.values(), key=lambda one: one.path)),
        started_ns=whole.started_ns,
    )


def plan(scan: Scan, known: Mapping[str, KnownFile]) -> Plan:
    """Compare a scan with the known files of the same folder, by size and times alone.

    A known file that is not in the scan is deleted, unless the scan could not look there (an
    unlistable folder, a file grown too large): what may still exist is kept.
    """
    to_read: list[SourceFile] = []
    unchanged: list[str] = []
    for file in scan.files:
        last = known.get(file.path)
        if last is not None and _same_stamps(file, last) and not _racy(last):
            unchanged.append(file.path)
        else:
            to_read.append(file)
    seen = {file.path for file in scan.files}
    unseen = {one.path for one in scan.skipped if not one.gone}
    deleted: list[str] = []
    hiding: set[str] = set()
    for path in known.keys() - seen:
        above = unseen & _self_and_parents(path)
        hiding |= above
        if not above:
            deleted.append(path)
    kept = tuple(one for one in scan.skipped if one.path in hiding)
    return Plan(tuple(to_read), tuple(unchanged), tuple(sorted(deleted)), kept)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hex characters."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _look(entry: os.DirEntry[str], path: str, max_bytes: int) -> SourceFile | Skipped | None:
    """Classify a folder entry: a file to read, an entry to skip, or None for a folder."""
    try:
        path.encode()
    except UnicodeEncodeError:
        printable = path.encode("utf-8", "backslashreplace").decode()
        return Skipped(printable, "its name is not valid UTF-8: rename it")
    if entry.is_symlink():
        return Skipped(path, "a symbolic link: links are not followed", gone=True)
    if entry.is_dir(follow_symlinks=False):
        return None
    # Not entry.stat(): on Windows it comes from the listing, which may be out of date.
    status = os.stat(entry.path, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return Skipped(path, "not a regular file", gone=True)
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix in _ARCHIVES:
        return Skipped(path, "an archive is not opened: unpack it into the folder")
    if suffix not in SUFFIXES:
        return Skipped(path, f"no reader for {suffix or 'a name without a suffix'}")
    if status.st_size > max_bytes:
        return Skipped(path, f"too large: {status.st_size:,} bytes, the limit is {max_bytes:,}")
    stamps = (max(-_LAST_NS, min(ns, _LAST_NS)) for ns in (status.st_mtime_ns, status.st_ctime_ns))
    return SourceFile(path, Path(entry.path), status.st_size, *stamps)


def _same_stamps(file: SourceFile, last: KnownFile) -> bool:
    """Whether size, mtime and ctime are unchanged."""
    return (file.size, file.mtime_ns, file.ctime_ns) == (last.size, last.mtime_ns, last.ctime_ns)


def _racy(last: KnownFile) -> bool:
    """Whether the times were too recent (or in the future) at the last scan to be trusted."""
    return max(last.mtime_ns, last.ctime_ns) >= last.checked_ns - RACY_NS


def _self_and_parents(path: str) -> set[str]:
    """The path and every folder above it: `a/b/c` gives `a/b/c`, `a/b`, `a`."""
    parts = path.split("/")
    return {"/".join(parts[:depth]) for depth in range(1, len(parts) + 1)}


def _why(error: OSError) -> str:
    """The system's message for an error, without the path."""
    return (error.strerror or type(error).__name__).lower()
