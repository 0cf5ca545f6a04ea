"""The log of questions, what each retrieved and what users said of the answers.

Consolidation learns from this log; `explain` reads it. Knows neither ranking nor models.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from ragcl.catalog import citations, forgotten
from ragcl.catalog.database import Database, parts
from ragcl.catalog.passage import headed
from ragcl.catalog.recipe import FEEDBACK
from ragcl.catalog.schema import ask_hits, asks, feedback
from ragcl.results import Chosen, Hit, RouteCost, Trace, traced

# Columns with the name and value of a field; `lines`, `chosen` and `support` are converted.
_TRACE = (
    *("asked", "reason", "tried", "adapter", "adapter_set", "features", "form", "forms"),
    *("prompt_tokens", "forgotten"),
)
_HIT = ("content_hash", "text", "score", "lexical", "fused", "root", "source", "heading", "page")
_LISTS = ("elsewhere", "supersedes", "flags")


@dataclass(frozen=True)
class AskRecord:
    """One logged question.

    `id` is 0 before it is logged. `hits` are what it retrieved, best first.
    """

    id: int
    asked_at: float
    question: str
    mode: str
    route: str
    answer: str
    trace: Trace
    hits: tuple[Hit, ...]
    ratings: tuple[int, ...] = ()
    correction: str | None = None


class Asks:
    """Queries on the log of questions and on feedback."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, asked: Sequence[AskRecord]) -> list[int]:
        """Log answered questions in one transaction; returns their ids.

        Text that was forgotten meanwhile is removed as from earlier asks. The id of a question that
        is removed as a whole is 0.
        """
        ids = []
        with self._database.writing() as connection:
            for ask in asked:
                ask_id = connection.execute(
                    insert(asks)
                    .values(
                        asked_at=ask.asked_at,
                        question=ask.question,
                        mode=ask.mode,
                        route=ask.route,
                        answer=ask.answer,
                        **_trace_columns(ask.trace),
                    )
                    .returning(asks.c.id)
                ).scalar_one()
                ids.append(int(ask_id))
                if ask.hits:
                    places = {key: place for place, key in enumerate(ask.trace.support)}
                    rows = [
                        {"ask_id": ask_id, "rank": rank, "support": places.get(hit.content_hash)}
                        | _hit_columns(hit)
                        for rank, hit in enumerate(ask.hits)
                    ]
                    connection.execute(insert(ask_hits), rows)
            hashes = {hit.content_hash for ask in asked for hit in ask.hits}
            late = forgotten.chunks_among(connection, hashes)
            erased = forget(connection, sorted(late)).ids if late else ()
            citations.settle(connection, ids, (hit for ask in asked for hit in ask.hits))
        return [0 if one in erased else one for one in ids]

    def get(self, ask_id: int) -> AskRecord | None:
        """The ask with this id, or None."""
        found = self._read(select(asks).where(asks.c.id == ask_id))
        return found[0] if found else None

    def log(self) -> list[AskRecord]:
        """Every logged ask, oldest first."""
        return self._read(select(asks).order_by(asks.c.id))

    def count(self) -> int:
        """The number of logged asks."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(asks)).scalar_one())

    def add_feedback(self, ask_id: int, rating: int, correction: str | None, now: float) -> None:
        """Store a user's rating and correction of an answer."""
        with self._database.writing() as connection:
            connection.execute(
                insert(feedback).values(
                    ask_id=ask_id, rating=rating, correction=correction, created_at=now
                )
            )

    def last_feedback(self) -> int:
        """The id of the last feedback; 0 if there is none."""
        with self._database.reading() as connection:
            return connection.execute(select(func.max(feedback.c.id))).scalar() or 0

    def badly_rated(self, adapters: Sequence[str]) -> frozenset[str]:
        """The chunks first cited by badly rated answers from the weights of these adapters.

        The ratings of such an answer add up to `FEEDBACK.bad` or less.
        """
        query = (
            select(ask_hits.c.content_hash)
            .join(asks, asks.c.id == ask_hits.c.ask_id)
            .join(feedback, feedback.c.ask_id == asks.c.id)
            .where(ask_hits.c.support == 0)
            .where(asks.c.route == "weights", asks.c.adapter.in_(adapters))
            .group_by(ask_hits.c.content_hash)
            .having(func.sum(feedback.c.rating) <= FEEDBACK.bad)
        )
        with self._database.reading() as connection:
            return frozenset(connection.execute(query).scalars())

    def last(self) -> int:
        """The id of the last ask; 0 if there is none."""
        with self._database.reading() as connection:
            return connection.execute(select(func.max(asks.c.id))).scalar() or 0

    def costs(self, after: int) -> dict[str, RouteCost]:
        """The cost of the answers logged after the ask with this id, by route."""
        tokens = asks.c.prompt_tokens
        query = (
            select(asks.c.route, func.count(), func.avg(tokens))
            .where(asks.c.id > after, tokens.is_not(None))
            .group_by(asks.c.route)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {route: RouteCost(int(count), float(mean)) for route, count, mean in rows}

    def mention(self, root: str, path: str) -> bool:
        """Whether a logged hit is of this file, current or not."""
        with self._database.reading() as connection:
            query = select(ask_hits.c.ask_id).where(_names(root, path)).limit(1)
            return connection.execute(query).first() is not None

    def _read(self, query: Select[Any]) -> list[AskRecord]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            ids = [row.id for row in rows]
            hits = _grouped(connection, select(ask_hits).order_by(ask_hits.c.rank), ids)
            said = _grouped(connection, select(feedback).order_by(feedback.c.id), ids)
        return [_ask(row, hits.get(row.id, []), said.get(row.id, [])) for row in rows]


@dataclass(frozen=True)
class Erased:
    """What was removed from the log: ids of asks, and questions that no other ask has."""

    ids: frozenset[int]
    questions: frozenset[str]


def forget(
    connection: Connection, hashes: Sequence[str], quotes: Callable[[str], bool] = lambda _: False
) -> Erased:
    """Remove the traces of chunks from the log, in the caller's transaction.

    An ask goes as a whole if one of the chunks supported its answer or was its best hit, or if the
    question quotes them. If one was only shown beside others, that hit and the answer go. Every
    answer and correction that `quotes` them goes.
    """
    gone = set(hashes)
    shown: set[int] = set()
    about: set[int] = set()
    for keys in parts(gone):
        hits = select(*ask_hits.c["ask_id", "rank", "support"])
        for row in connection.execute(hits.where(ask_hits.c.content_hash.in_(keys))):
            answered = row.rank == 0 or row.support is not None
            (about if answered else shown).add(row.ask_id)
    for part in parts(shown - about):
        query = select(*asks.c["id", "question", "asked"]).where(asks.c.id.in_(part))
        for row in connection.execute(query):
            if quotes(row.question) or quotes(row.asked or ""):
                about.add(row.id)
    erased = erase(connection, about)
    rows = connection.execute(select(*asks.c["id", "answer"]).where(asks.c.answer != ""))
    shown |= {row.id for row in rows if quotes(row.answer)}
    for part in parts(shown):
        left = {"answer": "", **_trace_columns(Trace(forgotten=True))}
        connection.execute(update(asks).where(asks.c.id.in_(part)).values(left))
        rest = update(ask_hits).where(ask_hits.c.ask_id.in_(part))
        connection.execute(rest.values(support=None))
    for keys in parts(gone):
        connection.execute(delete(ask_hits).where(ask_hits.c.content_hash.in_(keys)))
    rows = connection.execute(select(*feedback.c["id", "correction"]))
    quoting = [row.id for row in rows if row.correction and quotes(row.correction)]
    for part in parts(quoting):
        connection.execute(update(feedback).where(feedback.c.id.in_(part)).values(correction=None))
    return erased


def erase(connection: Connection, ids: Iterable[int]) -> Erased:
    """Remove asks with their hits and feedback, in the caller's transaction."""
    found: set[int] = set()
    said: set[str] = set()
    for part in parts(set(ids)):
        query = select(*asks.c["id", "question", "asked"]).where(asks.c.id.in_(part))
        for row in connection.execute(query):
            found.add(row.id)
            said |= {row.question, row.asked or row.question}
        connection.execute(delete(asks).where(asks.c.id.in_(part)))
    for wordings in parts(said):
        again = select(asks.c.question).where(asks.c.question.in_(wordings))
        said -= set(connection.execute(again).scalars())
    return Erased(frozenset(found), frozenset(said))


def asked_before(connection: Connection, moment: float) -> list[int]:
    """The ids of the asks before a time (seconds since the epoch)."""
    query = select(asks.c.id).where(asks.c.asked_at < moment)
    return list(connection.execute(query).scalars())


def last_id(connection: Connection) -> int:
    """The highest id that any ask ever had; 0 if there was none."""
    query = text("SELECT seq FROM sqlite_sequence WHERE name = 'asks'")
    return int(connection.execute(query).scalar() or 0)


def cited(connection: Connection, names: Collection[tuple[str, str]]) -> dict[str, set[str]]:
    """The logged texts of files, current or not, by content hash.

    Args:
        connection: of the caller's transaction.
        names: root and path of each file; a path that is empty or ends in a slash is a folder.
    """
    found: dict[str, set[str]] = {}
    for root, path in names:
        query = select(*ask_hits.c["content_hash", "heading", "text"]).where(_names(root, path))
        for key, heading, said in connection.execute(query):
            found.setdefault(key, set()).add(headed(heading, said))
    return found


def _names(root: str, path: str) -> ColumnElement[bool]:
    """Whether a hit is of a file, or in a folder, whose path is empty or ends in a slash."""
    source: ColumnElement[str] = ask_hits.c.source
    if not path or path.endswith("/"):
        source = func.substr(source, 1, len(path))
    return (ask_hits.c.root == root) & (source == path)


def _grouped(
    connection: Connection, query: Select[Any], ids: Sequence[int]
) -> dict[int, list[Row[Any]]]:
    """The rows of `query` by ask id: of one id by its index, else in one scan."""
    if len(ids) == 1:
        query = query.where(query.selected_columns.ask_id == ids[0])
    groups: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(query):
        groups.setdefault(row.ask_id, []).append(row)
    return groups


def _trace_columns(trace: Trace) -> dict[str, Any]:
    """The columns of `asks` that hold the trace; the rest is in `ask_hits`."""
    chosen = trace.chosen and asdict(trace.chosen)
    return {name: getattr(trace, name) for name in _TRACE} | {"chosen": chosen}


def _hit_columns(hit: Hit) -> dict[str, Any]:
    """The columns of `ask_hits` that hold a hit."""
    first, last = hit.lines or (None, None)
    values = {name: getattr(hit, name) for name in (*_HIT, *_LISTS)}
    return {**values, "first_line": first, "last_line": last}


def _hit(row: Row[Any]) -> Hit:
    values: dict[str, Any] = {name: getattr(row, name) for name in _HIT}
    values |= {name: tuple(getattr(row, name)) for name in _LISTS}
    lines = None if row.first_line is None else (row.first_line, row.last_line)
    return Hit(lines=lines, **values)


def _ask(row: Row[Any], shown: list[Row[Any]], said: list[Row[Any]]) -> AskRecord:
    hits = tuple(map(_hit, shown))
    support = sorted((one.support, one.content_hash) for one in shown if one.support is not None)
    trace = Trace(
        **{name: getattr(row, name) for name in _TRACE},
        chosen=row.chosen and Chosen(**row.chosen),
        support=tuple(key for _, key in support),
        hits=tuple(map(traced, hits)),
    )
    corrections = [one.correction for one in said if one.correction]
    return AskRecord(
        id=row.id,
        asked_at=row.asked_at,
        question=row.question,
        mode=row.mode,
        route=row.route,
        answer=row.answer,
        trace=Trace(forgotten=True) if row.forgotten else trace,
        hits=hits,
        ratings=tuple(one.rating for one in said),
        correction=corrections[-1] if corrections else None,
    )
