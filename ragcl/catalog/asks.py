"""The log of questions, what each retrieved and what users said of the answers.

Consolidation learns from this log; `explain` reads it. Knows neither ranking nor models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from ragcl.catalog.database import SQLITE_VARIABLES, Database
from ragcl.catalog.schema import ask_hits, asks, feedback

BAD = -2  # sum of ratings: one may be a slip, or the mood of one user


@dataclass(frozen=True)
class HitRecord:
    """A chunk that a question retrieved; rank 0 is the best. `citation` is what was cited."""

    content_hash: str
    score: float
    citation: dict[str, Any]


@dataclass(frozen=True)
class AskRecord:
    """One logged question; `vector` is `(dim,) float32`. `id` is 0 before it is recorded."""

    id: int
    asked_at: float
    question: str
    vector: np.ndarray
    mode: str
    route: str
    answer: str
    trace: dict[str, Any]
    hits: tuple[HitRecord, ...]
    ratings: tuple[int, ...] = ()
    correction: str | None = None


@dataclass(frozen=True)
class RouteCost:
    """How many logged answers took a route, and the prompt tokens that each took on average."""

    answers: int
    mean_prompt_tokens: float


class Asks:
    """Queries on the log of questions and on feedback."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, asked: Sequence[AskRecord]) -> list[int]:
        """Log answered questions in one transaction; their ids."""
        ids = []
        with self._database.writing() as connection:
            for ask in asked:
                ask_id = connection.execute(
                    insert(asks)
                    .values(
                        asked_at=ask.asked_at,
                        question=ask.question,
                        vector=np.ascontiguousarray(ask.vector, np.float32).tobytes(),
                        mode=ask.mode,
                        route=ask.route,
                        answer=ask.answer,
                        trace=ask.trace,
                    )
                    .returning(asks.c.id)
                ).scalar_one()
                ids.append(int(ask_id))
                if ask.hits:
                    connection.execute(
                        insert(ask_hits),
                        [
                            {
                                "ask_id": ask_id,
                                "rank": rank,
                                "content_hash": hit.content_hash,
                                "score": hit.score,
                                "citation": hit.citation,
                            }
                            for rank, hit in enumerate(ask.hits)
                        ],
                    )
        return ids

    def get(self, ask_id: int) -> AskRecord | None:
        """The ask with this id, or None."""
        found = self._read(select(asks).where(asks.c.id == ask_id))
        return found[0] if found else None

    def log(self) -> list[AskRecord]:
        """Every logged ask, oldest first."""
        return self._read(select(asks).order_by(asks.c.id))

    def count(self) -> int:
        """How many asks are logged."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(asks)).scalar_one())

    def add_feedback(self, ask_id: int, rating: int, correction: str | None, now: float) -> None:
        """Note what a user said of an answer."""
        with self._database.writing() as connection:
            connection.execute(
                insert(feedback).values(
                    ask_id=ask_id, rating=rating, correction=correction, created_at=now
                )
            )

    def last_feedback(self) -> int:
        """The number of the last feedback; 0 if there is none."""
        with self._database.reading() as connection:
            return connection.execute(select(func.max(feedback.c.id))).scalar() or 0

    def badly_rated(self, adapters: Sequence[str]) -> frozenset[str]:
        """The chunks about which answers from these adapters' weights were rated badly.

        They are those cited by answers whose ratings add up to `BAD` or less.
        """
        cited = asks.c.trace["support"][0].as_string()
        query = (
            select(cited)
            .join(feedback, feedback.c.ask_id == asks.c.id)
            .where(asks.c.route == "weights", asks.c.trace["adapter"].as_string().in_(adapters))
            .group_by(cited)
            .having(func.sum(feedback.c.rating) <= BAD)
        )
        with self._database.reading() as connection:
            return frozenset(key for key in connection.execute(query).scalars() if key)

    def last(self) -> int:
        """The number of the last ask; 0 if there is none."""
        with self._database.reading() as connection:
            return connection.execute(select(func.max(asks.c.id))).scalar() or 0

    def costs(self, after: int) -> dict[str, RouteCost]:
        """What the answers cost that were logged after the one with this number, by route."""
        tokens = asks.c.trace["prompt_tokens"].as_float()
        query = (
            select(asks.c.route, func.count(), func.avg(tokens))
            .where(asks.c.id > after, tokens.is_not(None))
            .group_by(asks.c.route)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {route: RouteCost(int(count), float(mean)) for route, count, mean in rows}

    def hashes_cited(self, root: str, source: str) -> list[str]:
        """The content hashes that the log holds of a file, whether they are current or not."""
        query = (
            select(ask_hits.c.content_hash)
            .distinct()
            .where(
                ask_hits.c.citation["root"].as_string() == root,
                ask_hits.c.citation["source"].as_string() == source,
            )
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def hashes_cited_below(self, root: str, prefix: str) -> list[str]:
        """The same of all files of a root whose paths begin with `prefix`."""
        source = ask_hits.c.citation["source"].as_string()
        query = (
            select(ask_hits.c.content_hash)
            .distinct()
            .where(
                ask_hits.c.citation["root"].as_string() == root,
                func.substr(source, 1, len(prefix)) == prefix,
            )
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def _read(self, query: Select[Any]) -> list[AskRecord]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            ids = [row.id for row in rows]
            hits = _grouped(connection, select(ask_hits).order_by(ask_hits.c.rank), ids)
            said = _grouped(connection, select(feedback).order_by(feedback.c.id), ids)
        return [_ask(row, hits.get(row.id, []), said.get(row.id, [])) for row in rows]


def forget(connection: Connection, hashes: Sequence[str]) -> None:
    """Remove from the log what these chunks left in it, inside the caller's transaction.

    A question that one of them answered best goes altogether; where one was shown to the model
    beside others, that hit goes and so does the answer, which may quote it.
    """
    for start in range(0, len(hashes), SQLITE_VARIABLES):
        part = hashes[start : start + SQLITE_VARIABLES]
        touched = select(ask_hits.c.ask_id).where(ask_hits.c.content_hash.in_(part))
        best = touched.where(ask_hits.c.rank == 0)
        connection.execute(delete(asks).where(asks.c.id.in_(best)))
        connection.execute(
            asks.update().where(asks.c.id.in_(touched)).values(answer="", trace={"forgotten": True})
        )
        connection.execute(delete(ask_hits).where(ask_hits.c.content_hash.in_(part)))


def _grouped(
    connection: Connection, query: Select[Any], ids: Sequence[int]
) -> dict[int, list[Row[Any]]]:
    """The rows of `query` by ask id; a narrow question stays narrow, the whole log is one scan."""
    if len(ids) == 1:
        query = query.where(query.selected_columns.ask_id == ids[0])
    groups: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(query):
        groups.setdefault(row.ask_id, []).append(row)
    return groups


def _ask(row: Row[Any], hits: list[Row[Any]], said: list[Row[Any]]) -> AskRecord:
    corrections = [one.correction for one in said if one.correction]
    return AskRecord(
        id=row.id,
        asked_at=row.asked_at,
        question=row.question,
        vector=np.frombuffer(row.vector, np.float32),
        mode=row.mode,
        route=row.route,
        answer=row.answer,
        trace=row.trace,
        hits=tuple(HitRecord(hit.content_hash, hit.score, hit.citation) for hit in hits),
        ratings=tuple(one.rating for one in said),
        correction=corrections[-1] if corrections else None,
    )
