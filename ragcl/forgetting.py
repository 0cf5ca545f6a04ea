"""Forgetting documents: out of the catalog, the log, the study rows and the reports, at once.

One file, or a folder with all that is in it, whether that was ingested by itself or is a part of
what was. The adapters that learned it no longer answer about it, since its text is not current any
more; the next round of consolidation makes them again without it. Knows no model.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from ragcl import places
from ragcl.catalog import Catalog
from ragcl.catalog.roots import Place
from ragcl.consolidation import report
from ragcl.errors import UsageError
from ragcl.results import ForgetReport


@dataclass(frozen=True)
class _Wanted:
    """What is to be forgotten, each at its place: a file's prefix is its path."""

    name: str
    files: tuple[Place, ...] = ()
    folders: tuple[Place, ...] = ()


def forget(path: str, folder: Path, catalog: Catalog) -> ForgetReport:
    """Remove what is at a path, and every trace of it but that in the index file and the adapters.

    Args:
        path: where the file or folder is or was, or its path as citations name it.
        folder: that of the knowledge base.
        catalog: its catalog.

    Raises:
        UsageError: nothing such is known, or several documents are named so.
    """
    wanted = _wanted(path, catalog)
    hashes: list[str] = []
    count = 0
    for place in wanted.files:
        hashes += catalog.documents.hashes_of(place.root_id, place.prefix)
        count += catalog.documents.remove(place.root_id, place.prefix).documents
        for root, source in _names(place, catalog):
            hashes += catalog.asks.hashes_cited(root, source)
    for place in wanted.folders:
        hashes += catalog.documents.hashes_below(place.root_id, place.prefix)
        count += catalog.documents.remove_below(place.root_id, place.prefix).documents
        for root, prefix in _names(place, catalog):
            hashes += catalog.asks.hashes_cited_below(root, prefix)
    gone = sorted(set(hashes) - catalog.documents.current_hashes(hashes))
    catalog.forget_traces(gone)
    report.forget(folder, gone)
    on_disk = any(_is_there(place) for place in (*wanted.files, *wanted.folders))
    for place in wanted.folders:  # last: where it was cut short, the same path names it again
        _forget_roots(place, catalog)
    held = {chunk.content_hash for a in catalog.learning.active()[1] for chunk in a.chunks}
    return ForgetReport(
        source=wanted.name,
        chunks_removed=len(gone),
        in_weights=len(held.intersection(gone)),
        on_disk=on_disk,
        documents=count,
    )


def _wanted(path: str, catalog: Catalog) -> _Wanted:
    """What a path names: a place on disk before a name in citations, a file before a folder."""
    spellings = _spellings(path)
    found = [
        place
        for one in spellings
        for given in catalog.roots.places(one, places.within)
        for place in _as_stored(given, catalog)
    ]
    source = PurePath(path).as_posix()
    for place in found:
        file = _file(place)
        if catalog.documents.hold(file.root_id, file.prefix):
            return _Wanted(file.prefix, files=(file,))
    folders = tuple(dict.fromkeys(one for one in found if _holds(one, catalog)))
    if folders:
        return _Wanted(spellings[0], folders=folders)
    named = catalog.documents.named(source)
    if len(named) > 1:
        raise UsageError(f"{path} names {len(named)} documents: give the full path.")
    if named:
        return _Wanted(named[0][2], files=(Place(*named[0]),))
    below = (one for given in _below_any(source, catalog) for one in _as_stored(given, catalog))
    folders = tuple(one for one in below if _holds(one, catalog))
    if len(folders) > 1:
        raise UsageError(f"{path} names {len(folders)} folders: give the full path.")
    if folders:
        return _Wanted(source, folders=folders)
    return _gone(path, found, source, catalog)


def _spellings(path: str) -> list[str]:
    """Where a path leads, and where it lies itself should a link have taken its place."""
    given = Path(path)
    try:
        ways = [places.real(given), places.real(given.parent) / given.name]
    except OSError:
        ways = [Path(os.path.abspath(given))]
    return list(dict.fromkeys(map(str, ways)))


def _as_stored(place: Place, catalog: Catalog) -> list[Place]:
    """The place as its documents write it, which may be in another Unicode form than a user."""
    name = place.prefix.rstrip("/")
    written = catalog.documents.spelled(place.root_id, name) if name else []
    return [Place(place.root_id, place.root, f"{one}/") for one in written] or [place]


def _file(place: Place) -> Place:
    return Place(place.root_id, place.root, place.prefix.rstrip("/"))


def _below_any(source: str, catalog: Catalog) -> Iterator[Place]:
    for root in catalog.roots.all():
        if root.part_of is None:
            yield Place(root.id, root.path, f"{source}/")


def _holds(place: Place, catalog: Catalog) -> bool:
    """Whether a folder holds documents, or was ingested."""
    below = catalog.documents.of_root(place.root_id, place.prefix)
    return bool(below) or any(
        root.owner == place.root_id and root.prefix.startswith(place.prefix)
        for root in catalog.roots.all()
    )


def _gone(path: str, found: list[Place], source: str, catalog: Catalog) -> _Wanted:
    """A document that is no longer ingested but may have left traces in the log."""
    by_name = (Place(one.id, one.path, source) for one in catalog.roots.all())
    for place in (*map(_file, found), *by_name):
        if any(catalog.asks.hashes_cited(*name) for name in _names(place, catalog)):
            return _Wanted(place.prefix, files=(place,))
    raise UsageError(
        f"{path} is neither a document nor a folder of this knowledge base: `ragcl search` shows "
        "the names of documents, `ragcl status` the folders."
    )


def _names(place: Place, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """How citations may name a place: by the root that it was read from, or the part of one."""
    yield place.root, place.prefix
    for root in catalog.roots.all():
        if root.owner != place.root_id or root.path == place.root:
            continue
        if place.prefix.startswith(root.prefix):
            yield root.path, place.prefix.removeprefix(root.prefix)
        elif root.prefix.startswith(place.prefix):
            yield root.path, ""


def _is_there(place: Place) -> bool:
    return os.path.lexists(Path(place.root, place.prefix))


def _forget_roots(place: Place, catalog: Catalog) -> None:
    """Forget the folders that were ingested in a folder, and what failed in it.

    One that is untrusted, still there, and within a folder that stays is remembered as such: else
    its text could be learned as soon as the folder around it is ingested again.
    """
    catalog.documents.set_failures(place.root_id, {}, time.time(), place.prefix)
    below = [
        root
        for root in catalog.roots.all()
        if root.owner == place.root_id and root.prefix.startswith(place.prefix)
    ]
    stays = bool(place.prefix)
    catalog.roots.drop(
        [root.id for root in below if not (stays and not root.trusted and os.path.isdir(root.path))]
    )
