"""Rounds, study rows, adapters and the active set: the results of consolidation in the catalog.

The active set is one row (`active_set` in `state`), so promotion and rollback each change one
value. Knows nothing of training, and no file: adapters are in folders named by their ids.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, String, bindparam, cast, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from ragcl.catalog import forgotten, remembered, reports
from ragcl.catalog.chunks import learnable
from ragcl.catalog.database import Database, parts
from ragcl.catalog.schema import (
    adapter_chunks,
    adapter_questions,
    adapter_sets,
    adapters,
    asks,
    rounds,
    set_members,
    study_rows,
)
from ragcl.catalog.stored_reading import StoredReading
from ragcl.catalog.vectors import in_use
from ragcl.results import ConsolidationReport

ACTIVE = "active_set"
WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class LearnedChunk:
    """A chunk that an adapter was trained on; `vector` is `(dim,) float32`."""

    content_hash: str
    vector: np.ndarray


@dataclass(frozen=True)
class LearnedQuestion:
    """A question an adapter was trained or tested on; `proved` if its fact passed verification.

    `answer` is the trained answer, or the in-context answer of a held-out question; `margin` is the
    lead of its passage over the next best one. `likelihood` is the log-probability (nats) that the
    base model gives the answer to the first question of its fact, where it reads the sentence of it
    alone; None: it was not measured.
    """

    content_hash: str
    question: str
    answer: str
    vector: np.ndarray
    margin: float
    proved: bool
    likelihood: float | None = None


@dataclass(frozen=True)
class AdapterRecord:
    """One adapter: its chunks and questions, and the thresholds under which it may answer.

    `embedder` is the one of the vectors, as `catalog.vectors` has it; None before anything was
    embedded. An adapter is stored as of the embedder in use.
    """

    id: str
    round_id: int
    created_at: float
    thresholds: dict[str, float]
    chunks: tuple[LearnedChunk, ...]
    questions: tuple[LearnedQuestion, ...]
    embedder: dict[str, Any] | None = None


@dataclass(frozen=True)
class RoundRecord:
    """One round of consolidation; `report` is None until it has finished.

    `selection` names, by shard, the chunks, each with a digest of its questions and of the answers
    that users vouch for: `[content hash, digest]`.
    """

    id: int
    started_at: float
    finished_at: float | None
    stage: str
    selection: dict[str, list[list[str]]]
    report: ConsolidationReport | None


# The active set and its adapters.
ActiveKey = tuple[int | None, tuple[str, ...]]


def content_of(adapter_id: str) -> str:
    """The digest of the training data in an adapter's name, without its shard."""
    return adapter_id.partition("-")[2] or adapter_id


class Learning:
    """Queries on rounds, study rows, adapters and the active set."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Rounds

    def start_round(self, selection: dict[str, list[list[str]]], now: float) -> int:
        """Open a round for a selection; returns its id."""
        with self._database.writing() as connection:
            query = insert(rounds).values(started_at=now, stage="study", selection=selection)
            return int(connection.execute(query.returning(rounds.c.id)).scalar_one())

    def set_stage(self, round_id: int, stage: str) -> None:
        """Record the stage of a round."""
        with self._database.writing() as connection:
            connection.execute(update(rounds).where(rounds.c.id == round_id).values(stage=stage))

    def finish_round(
        self,
        round_id: int,
        report: ConsolidationReport,
        now: float,
        rejected: Iterable[str] = (),
    ) -> None:
        """Close a round with its report; the adapters that it rejected are withdrawn."""
        with self._database.writing() as connection:
            _finish(connection, round_id, report, now)
            _withdraw(connection, rejected)

    def unfinished_round(self) -> RoundRecord | None:
        """The newest round that was started and never finished, or None."""
        query = select(rounds).where(rounds.c.finished_at.is_(None)).order_by(rounds.c.id.desc())
        with self._database.reading() as connection:
            row = connection.execute(query.limit(1)).first()
        return None if row is None else _round(row)

    def forgotten(self) -> frozenset[str]:
        """The chunks that were forgotten recently and are not current again."""
        with self._database.reading() as connection:
            return forgotten.chunks_among(connection, forgotten.digests(connection))

    def mention(self, path: str) -> bool:
        """Whether a report names a file, or one of a folder (empty or with a slash at its end)."""
        folders = (path,) if not path or path.endswith("/") else ()
        with self._database.reading() as connection:
            sources = {source for _, source, _ in reported(connection)}
        return any(source == path or source.startswith(folders) for source in sources)

    def rounds(self) -> list[RoundRecord]:
        """Every round, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(rounds).order_by(rounds.c.id)).all()
        return [_round(row) for row in rows]

    # Study rows

    def study(self, hashes: Iterable[str], teacher: str) -> dict[str, StoredReading]:
        """This teacher's newest reading of each question answered from these chunks."""
        query = (
            select(study_rows.c.question, study_rows.c.row)
            .where(study_rows.c.teacher == teacher)
            .where(study_rows.c.content_hash.in_(list(hashes)))
            .order_by(study_rows.c.id)
        )
        with self._database.reading() as connection:
            return {
                row.question: StoredReading.from_json(row.row) for row in connection.execute(query)
            }

    def add_study(self, teacher: str, rows: Sequence[StoredReading]) -> None:
        """Store readings, replacing this teacher's earlier ones of the same questions.

        Those of text or questions that were forgotten meanwhile are not stored.
        """
        if not rows:
            return
        same = delete(study_rows).where(
            study_rows.c.teacher == teacher, study_rows.c.question == bindparam("asked")
        )
        with self._database.writing() as connection:
            connection.execute(same, [{"asked": row.question} for row in rows])
            hashes = set[str]().union(*(row.read for row in rows))
            texts = forgotten.chunks_among(connection, hashes)
            questions = forgotten.questions_among(connection, [row.question for row in rows])
            kept = [
                {
                    "content_hash": row.content_hash,
                    "teacher": teacher,
                    "question": row.question,
                    "row": row.to_json(),
                }
                for row in rows
                if row.question not in questions and texts.isdisjoint(row.read)
            ]
            if kept:
                connection.execute(insert(study_rows).on_conflict_do_nothing(), kept)

    # Adapters and the active set

    def add_adapter(self, record: AdapterRecord) -> bool:
        """Store a verified adapter, replacing an earlier entry with the same id.

        Returns:
            False, and nothing is stored, if a text or a question that it learned was forgotten.
        """
        hashes = {chunk.content_hash for chunk in record.chunks}
        hashes |= {question.content_hash for question in record.questions}
        values = {
            "round_id": record.round_id,
            "created_at": record.created_at,
            "thresholds": record.thresholds,
            "embedder": in_use(),
        }
        with self._database.writing() as connection:
            if forgotten.chunks_among(connection, hashes) or forgotten.questions_among(
                connection, [one.question for one in record.questions]
            ):
                return False
            for table in (adapter_chunks, adapter_questions):
                connection.execute(delete(table).where(table.c.adapter_id == record.id))
            connection.execute(
                insert(adapters)
                .values(id=record.id, **values)
                .on_conflict_do_update(index_elements=["id"], set_=values)
            )
            learned = [
                {
                    "adapter_id": record.id,
                    "content_hash": chunk.content_hash,
                    "vector": chunk.vector.astype(np.float32).tobytes(),
                }
                for chunk in record.chunks
            ]
            asked = [
                {
                    "adapter_id": record.id,
                    "content_hash": question.content_hash,
                    "question": question.question,
                    "answer": question.answer,
                    "vector": question.vector.astype(np.float32).tobytes(),
                    "margin": question.margin,
                    "proved": question.proved,
                    "likelihood": question.likelihood,
                }
                for question in record.questions
            ]
            for table, rows in ((adapter_chunks, learned), (adapter_questions, asked)):
                if rows:
                    connection.execute(insert(table), rows)
        return True

    def promote(
        self,
        round_id: int,
        adapter_ids: Sequence[str],
        report: ConsolidationReport,
        now: float,
        rejected: Iterable[str] = (),
    ) -> int | None:
        """Make these adapters the active set and close the round, in one transaction.

        The adapters in `rejected` are withdrawn. Returns None and changes nothing if one of
        `adapter_ids` has no entry any more: it was removed because its text was forgotten.
        """
        with self._database.writing() as connection:
            known = select(func.count()).where(adapters.c.id.in_(adapter_ids))
            if connection.execute(known).scalar_one() < len(set(adapter_ids)):
                return None
            query = insert(adapter_sets).values(
                round_id=round_id, previous_id=_active_id(connection), created_at=now
            )
            set_id = int(connection.execute(query.returning(adapter_sets.c.id)).scalar_one())
            for adapter_id in adapter_ids:
                connection.execute(insert(set_members).values(set_id=set_id, adapter_id=adapter_id))
            _activate(connection, set_id)
            _finish(connection, round_id, report, now)
            _withdraw(connection, rejected)
        return set_id

    def rollback(self) -> tuple[int | None, int | None]:
        """Make the set before the active one active again: (the old set, the new set or None).

        A set whose adapters have been removed, because their text is gone, cannot come back: then
        no adapter is active and the index answers everything. Adapters that only the old set had
        are withdrawn.
        """
        with self._database.writing() as connection:
            current = _active_id(connection)
            previous = None
            if current is not None:
                previous = connection.execute(
                    select(adapter_sets.c.previous_id).where(adapter_sets.c.id == current)
                ).scalar()
                if previous is not None and not _members(connection, previous):
                    previous = None
                _activate(connection, previous)
                kept = [] if previous is None else _members(connection, previous)
                _withdraw(connection, set(_members(connection, current)) - set(kept))
        return current, previous

    def withdrawn(self) -> frozenset[str]:
        """The digests of the adapters that were rejected or rolled back; see `content_of`."""
        with self._database.reading() as connection:
            return frozenset(_withdrawn(connection))

    def active_key(self) -> ActiveKey:
        """A cheap key that changes whenever the result of `active` does.

        It has the adapters' ids too, since the active set may lose one.
        """
        with self._database.reading() as connection:
            set_id = _active_id(connection)
            return set_id, tuple(_active_members(connection, set_id))

    def active(self) -> tuple[int | None, list[AdapterRecord]]:
        """The active set and its adapters, without those proved with another embedder."""
        with self._database.reading() as connection:
            set_id = _active_id(connection)
            return set_id, _adapters(connection, _active_members(connection, set_id))

    def adapter_ids(self) -> list[str]:
        """Every adapter that has an entry, active or not."""
        with self._database.reading() as connection:
            return list(connection.execute(select(adapters.c.id)).scalars())

    def drop_adapters(self, ids: Sequence[str]) -> None:
        """Remove the entries of adapters, also from every set."""
        with self._database.writing() as connection:
            _drop_adapters(connection, ids)

    def stale_adapters(self, *, before_round: int) -> list[str]:
        """The adapters of earlier rounds with a text that is gone or may not be learned."""
        query = (
            select(adapter_chunks.c.adapter_id)
            .distinct()
            .join(adapters, adapters.c.id == adapter_chunks.c.adapter_id)
            .where(
                adapters.c.round_id < before_round,
                adapter_chunks.c.content_hash.not_in(learnable()),
            )
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def unreachable_adapters(self) -> list[str]:
        """The adapters that are neither in the active set nor in the one before it."""
        with self._database.reading() as connection:
            active = _active_id(connection)
            previous = connection.execute(
                select(adapter_sets.c.previous_id).where(adapter_sets.c.id == active)
            ).scalar()
            reachable = select(set_members.c.adapter_id).where(
                set_members.c.set_id.in_([one for one in (active, previous) if one])
            )
            query = select(adapters.c.id).where(adapters.c.id.not_in(reachable))
            return list(connection.execute(query).scalars())


def forget_read(
    connection: Connection, hashes: Collection[str], questions: Collection[str]
) -> None:
    """Remove the study rows of these chunks or questions, in the caller's transaction.

    Rows that read one of the chunks beside the one that answered are removed as well.
    """
    gone = set(hashes)
    columns = study_rows.c.id, study_rows.c.content_hash, study_rows.c.question
    read = [
        row.id
        for row in connection.execute(select(*columns, cast(study_rows.c.row, String).label("row")))
        if row.content_hash in gone
        or row.question in questions
        or gone.intersection(re.findall(r"\w+", row.row))
    ]
    for part in parts(read):
        connection.execute(delete(study_rows).where(study_rows.c.id.in_(part)))


def forget_reported(connection: Connection, hashes: Collection[str]) -> None:
    """Remove these chunks from selections and reports, in the caller's transaction."""
    query = select(*rounds.c["id", "selection", "report"])
    for number, selection, report in connection.execute(query).all():
        # Emptied: else a failed round would seem to have selected just the other chunks.
        named = any(member[0] in hashes for members in selection.values() for member in members)
        left = {} if named else selection
        known = None if report is None else reports.from_json(report)
        said = None if known is None else reports.without(known, hashes)
        if (left, said) != (selection, known):
            values = {"selection": left, "report": None if said is None else reports.to_json(said)}
            connection.execute(update(rounds).where(rounds.c.id == number).values(values))


def forget_unasked(connection: Connection) -> None:
    """Remove the study rows of questions that are not in the log any more."""
    written = study_rows.c.row["written"].as_boolean()
    connection.execute(
        delete(study_rows).where(
            func.coalesce(written, False).is_(False),
            study_rows.c.question.not_in(select(asks.c.question)),
        )
    )


def read_in(connection: Connection) -> frozenset[str]:
    """The content hashes of all text that was read for study rows."""
    found: set[str] = set()
    for row in connection.execute(select(*study_rows.c["content_hash", "row"])):
        # Of any version: rows of an earlier one are read for no other purpose.
        found |= {row.content_hash, *(sentence[1] for sentence in row.row.get("sentences", ()))}
    return frozenset(found)


def active_hashes(connection: Connection) -> frozenset[str]:
    """The content hashes of what the active adapters learned."""
    active = _active_id(connection)
    query = (
        select(adapter_chunks.c.content_hash)
        .join(set_members, set_members.c.adapter_id == adapter_chunks.c.adapter_id)
        .where(set_members.c.set_id == active)
    )
    return frozenset(connection.execute(query).scalars())


def reported(connection: Connection) -> set[tuple[str, str, str]]:
    """What reports of rounds name files by: content hash, file, and another that contradicts it."""
    found: set[tuple[str, str, str]] = set()
    for stored in connection.execute(select(rounds.c.report)).scalars():
        if stored is None:
            continue
        report = reports.from_json(stored)
        found |= {(one.content_hash, one.source, "") for one in report.learned}
        for one in report.left_out:
            other, contradicts, _ = one.reason.partition(CONTRADICTS)
            found.add((one.content_hash, one.source, other if contradicts else ""))
    return found


def retire(
    connection: Connection, hashes: Collection[str], questions: Collection[str], now: float
) -> frozenset[str]:
    """Remove the adapters that learned one of these chunks or questions, from every set.

    If active ones are among them, the others become a new active set, so that every process
    notices. A rollback leads to the same set as before.

    Returns:
        The ids of the adapters.
    """
    learned: set[str] = set()
    for column, values in (
        (adapter_chunks.c.content_hash, hashes),
        (adapter_questions.c.content_hash, hashes),
        (adapter_questions.c.question, questions),
    ):
        for part in parts(values):
            query = select(column.table.c.adapter_id).distinct().where(column.in_(part))
            learned |= set(connection.execute(query).scalars())
    if not learned:
        return frozenset()
    active = _active_id(connection)
    members = [] if active is None else _members(connection, active)
    _drop_adapters(connection, sorted(learned))
    if learned.intersection(members):
        old = connection.execute(select(adapter_sets).where(adapter_sets.c.id == active)).one()
        values = {"round_id": old.round_id, "previous_id": old.previous_id, "created_at": now}
        new = insert(adapter_sets).values(values).returning(adapter_sets.c.id)
        set_id = int(connection.execute(new).scalar_one())
        for adapter_id in members:
            if adapter_id not in learned:
                connection.execute(insert(set_members).values(set_id=set_id, adapter_id=adapter_id))
        _activate(connection, set_id)
    return frozenset(learned)


CONTRADICTS = " contradicts it: "  # after the name of another file, in a report


def _active_id(connection: Connection) -> int | None:
    value = remembered.get(connection, ACTIVE)
    return int(value) if value else None


def _activate(connection: Connection, set_id: int | None) -> None:
    remembered.put(connection, ACTIVE, set_id or 0)


def _withdrawn(connection: Connection) -> list[str]:
    value = remembered.get(connection, WITHDRAWN)
    return list(value or [])


def _withdraw(connection: Connection, ids: Iterable[str]) -> None:
    before = _withdrawn(connection)
    value = sorted({*before, *map(content_of, ids)})
    if value != before:
        remembered.put(connection, WITHDRAWN, value)


def _members(connection: Connection, set_id: int) -> list[str]:
    query = select(set_members.c.adapter_id).where(set_members.c.set_id == set_id)
    return list(connection.execute(query.order_by(set_members.c.adapter_id)).scalars())


def _active_members(connection: Connection, set_id: int | None) -> list[str]:
    """The members of a set whose vectors can be compared with those of the embedder in use."""
    query = (
        select(set_members.c.adapter_id)
        .join(adapters, adapters.c.id == set_members.c.adapter_id)
        .where(set_members.c.set_id == set_id, adapters.c.embedder.is_not_distinct_from(in_use()))
    )
    return list(connection.execute(query.order_by(set_members.c.adapter_id)).scalars())


def _finish(connection: Connection, round_id: int, report: ConsolidationReport, now: float) -> None:
    """Close a round; entries about chunks that were forgotten meanwhile are left out."""
    said = reports.without(report, forgotten.chunks_among(connection, reports.named(report)))
    connection.execute(
        update(rounds)
        .where(rounds.c.id == round_id)
        .values(finished_at=now, stage="finished", report=reports.to_json(said))
    )


def _round(row: Row[Any]) -> RoundRecord:
    report = None if row.report is None else reports.from_json(row.report)
    return RoundRecord(**{**row._mapping, "report": report})


def _drop_adapters(connection: Connection, ids: Sequence[str]) -> None:
    connection.execute(delete(adapter_questions).where(adapter_questions.c.adapter_id.in_(ids)))
    connection.execute(delete(adapters).where(adapters.c.id.in_(ids)))


def _adapters(connection: Connection, ids: Sequence[str]) -> list[AdapterRecord]:
    found = []
    query = select(adapters).where(adapters.c.id.in_(ids)).order_by(adapters.c.id)
    for row in connection.execute(query):
        members = connection.execute(
            select(adapter_chunks).where(adapter_chunks.c.adapter_id == row.id)
        )
        questions = connection.execute(
            select(adapter_questions).where(adapter_questions.c.adapter_id == row.id)
        )
        found.append(
            AdapterRecord(
                id=row.id,
                round_id=row.round_id,
                created_at=row.created_at,
                thresholds=row.thresholds,
                chunks=tuple(_learned_chunk(member) for member in members),
                questions=tuple(_learned_question(question) for question in questions),
                embedder=row.embedder,
            )
        )
    return found


def _learned_chunk(row: Row[Any]) -> LearnedChunk:
    return LearnedChunk(row.content_hash, np.frombuffer(row.vector, np.float32))


def _learned_question(row: Row[Any]) -> LearnedQuestion:
    return LearnedQuestion(
        row.content_hash,
        row.question,
        row.answer,
        np.frombuffer(row.vector, np.float32),
        row.margin,
        row.proved,
        row.likelihood,
    )
