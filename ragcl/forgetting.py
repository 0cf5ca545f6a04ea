"""Removes documents, or asks, from every file of the knowledge base at once.

What is forgotten is a file, a folder (ingested by itself, or a part of an ingested one), or asks of
the log. One transaction removes it from the catalog, with every adapter that learned it: the index
answers in their place, and the next round trains the rest again. Then the remains of such a
transaction are purged from the files. Running answers and rounds check for it when they write.
Knows no model.
"""

import contextlib
import os
import shlex
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from filelock import FileLock, Timeout
from sqlalchemy import Connection

from ragcl.catalog import (
    Catalog,
    asks,
    chunks,
    citations,
    documents,
    forgotten,
    full_text,
    learning,
    remembered,
    roots,
)
from ragcl.catalog.documents import Delta
from ragcl.catalog.quotations import Quotations
from ragcl.catalog.roots import Place
from ragcl.consolidation import promotion, report
from ragcl.errors import CatalogError, KnowledgeBaseBusyError, RagclError, UsageError
from ragcl.files import places
from ragcl.results import ForgetAsksReport, ForgetReport
from ragcl.search.retriever import Retriever
from ragcl.settings import SECONDS_A_DAY

UNPURGED = "unpurged"  # forgotten names and adapters that may be in files until a purge finishes


@dataclass(frozen=True)
class _Wanted:
    """The places to forget; a file's prefix is its path."""

    name: str
    places: tuple[Place, ...]


def forget(path: str, folder: Path, catalog: Catalog, retriever: Retriever) -> ForgetReport:
    """Remove a document or a folder, and every trace of it.

    Args:
        path: of the file or folder, which may be gone; or the path as in citations.
        folder: the knowledge base.
        catalog: its catalog.
        retriever: has the index with the vectors.

    Raises:
        UsageError: the path is unknown, or names several documents.
        KnowledgeBaseBusyError: it is removed, but another process prevents the purge of the files.
        CatalogError: it is removed, but the files could not be purged.
    """
    try:
        wanted = _wanted(path, catalog)
    except UsageError:
        if path not in _unpurged(catalog)["names"]:
            raise
        done = ForgetReport(path, 0, 0, os.path.lexists(path), documents=0)
    else:
        done = _erase(path, wanted, catalog)
    with _explaining_failure(folder, shlex.quote(path)):
        retriever.save(purge=True)
        _purge(folder, catalog)
    catalog.put(UNPURGED, None)
    catalog.database.checkpoint()
    return done


def forget_asks(
    ids: Collection[int], before: float | None, folder: Path, catalog: Catalog
) -> ForgetAsksReport:
    """Remove asks, their feedback, and what was learned from them alone.

    A question that other asks have word for word stays learned.

    Args:
        ids: the ids of the asks.
        before: also all asks before this moment (seconds since the epoch).
        folder: the knowledge base.
        catalog: its catalog.

    Raises:
        UsageError: no ask ever had one of the ids.
        KnowledgeBaseBusyError: as `forget`.
        CatalogError: as `forget`.
    """
    now = time.time()
    unpurged = _unpurged(catalog)
    with catalog.database.writing() as connection:
        known = asks.last_id(connection)
        for one in ids:
            if not 1 <= one <= known:
                raise UsageError(f"there is no answer {one} in the log, and never was.")
        old = [] if before is None else asks.asked_before(connection, before)
        erased = asks.erase(connection, {*ids, *old})
        learning.forget_read(connection, (), erased.questions)
        retired = learning.retire(connection, (), erased.questions, now)
        forgotten.note(connection, (), erased.questions, now)
        _to_purge(connection, unpurged, [], retired)
    again = " ".join(f"--ask {one}" for one in ids)
    with _explaining_failure(
        folder, again if before is None else f"{again} --asks-before DATE".lstrip()
    ):
        _purge(folder, catalog)
    catalog.put(UNPURGED, {**_unpurged(catalog), "adapters": []})
    return ForgetAsksReport(asks=len(erased.ids), adapters=len(retired))


def drop_old_asks(catalog: Catalog, days: float | None) -> None:
    """Remove the asks that are older than so many days, with the study rows read for them alone.

    Adapters stay until a round finds that their chunks are no longer hot. None: keep all.
    """
    if days is None:
        return
    moment = time.time() - days * SECONDS_A_DAY
    with catalog.database.reading() as connection:
        if not asks.asked_before(connection, moment):
            return
    with catalog.database.writing() as connection:
        asks.erase(connection, asks.asked_before(connection, moment))
        learning.forget_unasked(connection)


def unfinished(catalog: Catalog) -> list[str]:
    """Messages on unfinished purges, each with what to do."""
    return [
        f"copies of {name}, which is forgotten, may be left in the files: "
        f"run `ragcl forget {shlex.quote(name)}` again"
        for name in _unpurged(catalog)["names"]
    ]


# The catalog


def _erase(path: str, wanted: _Wanted, catalog: Catalog) -> ForgetReport:
    """Remove it from the catalog, with all that was derived from it, in one transaction."""
    now = time.time()
    unpurged = _unpurged(catalog)
    on_disk = any(_is_there(place) for place in wanted.places)
    names = {name for place in wanted.places for name in _names(place, catalog)}
    ingested = [one for place in wanted.places for one in _roots_to_drop(place, catalog)]
    paths = {path for _, path in names}
    folders = tuple(path for path in paths if not path or path.endswith("/"))

    def is_meant(name: str) -> bool:
        return name in paths or name.startswith(folders)

    with catalog.database.writing() as connection:
        texts = asks.cited(connection, names)
        removed: set[str] = set()
        delta = Delta(0, 0)
        for place in wanted.places:
            for key, text in documents.texts_at(connection, place.root_id, place.prefix).items():
                removed.add(key)
                texts.setdefault(key, set()).add(text)
            delta += documents.remove_at(connection, place.root_id, place.prefix)
        reported = learning.reported(connection)
        hashes = texts.keys() | {key for key, source, _ in reported if is_meant(source)}
        gone = hashes - chunks.current_among(connection, hashes)
        stays = chunks.stored(connection, removed - gone).values()
        quotes = Quotations(connection, [text for key in gone for text in texts.get(key, ())])
        erased = asks.forget(connection, sorted(gone), quotes)
        citations.forget(connection, texts, is_meant)
        # Study rows of texts that are not current are useless, and may be of an earlier version of
        # what is forgotten.
        read = learning.read_in(connection)
        outdated = read - chunks.current_among(connection, read)
        learning.forget_read(connection, gone | outdated, erased.questions)
        meant = {path for _, *said in reported for path in said if path and is_meant(path)}
        meant -= {path for _, path in documents.held(connection, ((None, one) for one in meant))}
        naming = {key for key, *said in reported if not meant.isdisjoint(said)}
        learning.forget_reported(connection, gone | naming)
        held = learning.active_hashes(connection)
        retired = learning.retire(connection, gone, erased.questions, now)
        forgotten.note(connection, gone, erased.questions, now)
        full_text.purge(connection)
        roots.drop(connection, ingested)
        _to_purge(connection, unpurged, [path], retired, naming)
    return ForgetReport(
        source=wanted.name,
        chunks_removed=len(gone),
        in_weights=len(held & gone),
        on_disk=on_disk,
        documents=delta.documents,
        elsewhere=tuple(sorted({one.source for one in stays})),
    )


# The files


def _purge(folder: Path, catalog: Catalog) -> None:
    """Purge reports, adapters and the catalog's files of what was removed from the catalog."""
    unpurged = _unpurged(catalog)
    report.remove_chunks(folder, catalog.learning.forgotten().union(unpurged["reported"]))
    lock = FileLock(folder / promotion.LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:  # a round is running, and must not lose its own adapters
        promotion.remove_strays(folder, catalog, among=unpurged["adapters"])
    else:
        try:
            promotion.remove_strays(folder, catalog)
        finally:
            lock.release()
    catalog.database.purge()


def _unpurged(catalog: Catalog) -> dict[str, list[str]]:
    """Since the last purge: paths forgotten, adapters removed, chunks taken out of reports."""
    return {"names": [], "adapters": [], "reported": [], **(catalog.get(UNPURGED) or {})}


def _to_purge(
    connection: Connection,
    before: dict[str, list[str]],
    names: Collection[str],
    adapters: Collection[str],
    reported: Collection[str] = (),
) -> None:
    """Record that a purge is due, in the caller's transaction."""
    remembered.put(
        connection,
        UNPURGED,
        {
            "names": sorted({*before["names"], *names}),
            "adapters": sorted({*before["adapters"], *adapters}),
            "reported": sorted({*before["reported"], *reported}),
        },
    )


@contextlib.contextmanager
def _explaining_failure(folder: Path, again: str) -> Iterator[None]:
    """If a purge fails, raise an error that says what is done and how to finish it."""
    try:
        yield
    except (RagclError, OSError) as error:
        kind = KnowledgeBaseBusyError if isinstance(error, KnowledgeBaseBusyError) else CatalogError
        raise kind(
            f"what was to be forgotten is removed and never answered from again, but its bytes may "
            f"be left in files of {folder}: {error} Then run `ragcl forget {again}` again: it "
            "finishes the job."
        ) from error


# Resolving the path


def _wanted(path: str, catalog: Catalog) -> _Wanted:
    """The places that a path names: on disk before in citations, a file before a folder."""
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
            return _Wanted(file.prefix, (file,))
    folders = tuple(dict.fromkeys(one for one in found if _holds(one, catalog)))
    if folders:
        return _Wanted(spellings[0], folders)
    named = catalog.documents.named(source)
    if len(named) > 1:
        raise UsageError(f"{path} names {len(named)} documents: give the full path.")
    if named:
        return _Wanted(named[0][2], (Place(*named[0]),))
    below = (one for given in _below_any(source, catalog) for one in _as_stored(given, catalog))
    folders = tuple(one for one in below if _holds(one, catalog))
    if len(folders) > 1:
        raise UsageError(f"{path} names {len(folders)} folders: give the full path.")
    if folders:
        return _Wanted(source, folders)
    return _gone(path, found, source, catalog)


def _spellings(path: str) -> list[str]:
    """The path with links resolved, and with only its parent's links resolved."""
    given = Path(path)
    try:
        ways = [places.real(given), places.real(given.parent) / given.name]
    except OSError:
        ways = [Path(os.path.abspath(given))]
    return list(dict.fromkeys(map(str, ways)))


def _as_stored(place: Place, catalog: Catalog) -> list[Place]:
    """The place in the stored spelling, which may differ in Unicode form."""
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
    """A document that is no longer ingested, but is named in the log or in reports."""
    by_name = (Place(one.id, one.path, source) for one in catalog.roots.all())
    for place in (*map(_file, found), *by_name):
        if any(
            catalog.asks.mention(*name) or catalog.learning.mention(name[1])
            for name in _names(place, catalog)
        ):
            return _Wanted(place.prefix, (place,))
    raise UsageError(
        f"{path} is neither a document nor a folder of this knowledge base: `ragcl search` shows "
        "the names of documents, `ragcl status` the folders."
    )


def _names(place: Place, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """The names of a place in citations: by its root, and by every nested root around it."""
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


def _roots_to_drop(place: Place, catalog: Catalog) -> list[int]:
    """The folders that were ingested in a folder, and are forgotten with it; of a file none.

    One that is untrusted, still there, and within a folder that stays is remembered as such: else
    its text could be learned as soon as the folder around it is ingested again.
    """
    stays = bool(place.prefix)
    if stays and not place.prefix.endswith("/"):
        return []
    return [
        root.id
        for root in catalog.roots.all()
        if root.owner == place.root_id
        and root.prefix.startswith(place.prefix)
        and not (stays and not root.trusted and os.path.isdir(root.path))
    ]
