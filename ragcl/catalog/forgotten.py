"""Chunks and questions that were forgotten recently, so that running work does not store them.

An answer or a round may have read a text or a question before it was forgotten, and write
afterwards: the transaction that writes checks here. Stores digests and no words.
"""

import hashlib
from collections.abc import Iterable

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from ragcl.catalog.database import parts
from ragcl.catalog.schema import asks, chunks, forgotten
from ragcl.settings import SECONDS_A_DAY

KEPT_SECONDS = 7 * SECONDS_A_DAY  # no answer and no round takes longer


def digest_of(question: str) -> str:
    """The digest by which a question is stored here; a chunk is stored by its content hash."""
    return hashlib.sha256(question.encode()).hexdigest()


def note(
    connection: Connection, hashes: Iterable[str], questions: Iterable[str], now: float
) -> None:
    """Record chunks and questions as forgotten at `now` (seconds since the epoch)."""
    connection.execute(delete(forgotten).where(forgotten.c.forgotten_at < now - KEPT_SECONDS))
    digests = {*hashes, *map(digest_of, questions)}
    if digests:
        connection.execute(
            insert(forgotten).prefix_with("OR REPLACE"),
            [{"digest": one, "forgotten_at": now} for one in sorted(digests)],
        )


def digests(connection: Connection) -> list[str]:
    """Everything that was forgotten recently."""
    return list(connection.execute(select(forgotten.c.digest)).scalars())


def chunks_among(connection: Connection, hashes: Iterable[str]) -> frozenset[str]:
    """The chunks among these that were forgotten and are not current again."""
    gone: set[str] = set()
    for part in parts(hashes):
        query = select(forgotten.c.digest).where(
            forgotten.c.digest.in_(part), forgotten.c.digest.not_in(select(chunks.c.content_hash))
        )
        gone |= set(connection.execute(query).scalars())
    return frozenset(gone)


def questions_among(connection: Connection, questions: Iterable[str]) -> frozenset[str]:
    """The questions among these that were forgotten and are not in the log again."""
    by_digest = {digest_of(one): one for one in questions}
    found: set[str] = set()
    for part in parts(by_digest):
        query = select(forgotten.c.digest).where(forgotten.c.digest.in_(part))
        found |= {by_digest[one] for one in connection.execute(query).scalars()}
    asked = select(asks.c.question).where(asks.c.question.in_(found))
    return frozenset(found - set(connection.execute(asked).scalars()))
