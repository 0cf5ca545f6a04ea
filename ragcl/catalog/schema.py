"""The tables of the catalog after the newest migration, without the full-text index.

Ids of chunks are never reused (AUTOINCREMENT), so that an outdated vector index can be updated by
generation.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

metadata = MetaData()


def _cascade(target: str) -> ForeignKey:
    return ForeignKey(target, ondelete="CASCADE")


state = Table(
    "state",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", JSON, nullable=False),
)

roots = Table(
    "roots",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", String, nullable=False, unique=True),
    Column("trusted", Boolean, nullable=False, server_default=text("1")),
    # A nested folder has no documents of its own: they are those of the outermost one whose paths
    # begin with `prefix`, which ends in a slash.
    Column("part_of", ForeignKey("roots.id")),
    Column("prefix", String, nullable=False, server_default=""),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("root_id", _cascade("roots.id"), nullable=False),
    Column("path", String, nullable=False),
    Column("title", String, nullable=False),
    Column("media_type", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
    Column("ctime_ns", Integer, nullable=False),
    Column("sha256", String, nullable=False),
    Column("checked_ns", Integer, nullable=False),
    Column("ingested_at", Float, nullable=False),
    Column("metadata", JSON, nullable=False, server_default="{}"),
    Column("notes", JSON, nullable=False, server_default="[]"),
    UniqueConstraint("root_id", "path"),
)

failures = Table(
    "failures",
    metadata,
    Column("root_id", _cascade("roots.id"), primary_key=True),
    Column("path", String, primary_key=True),
    Column("reason", String, nullable=False),
    Column("failed_at", Float, nullable=False),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_hash", String, nullable=False, unique=True),
    Column("text", String, nullable=False),
    Column("heading", String, nullable=False),
    Column("flags", JSON, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("generation", Integer, nullable=False, index=True),
    sqlite_autoincrement=True,
)

# Those of the embedder that the knowledge base is switched to, until there is one for every chunk.
next_vectors = Table(
    "next_vectors",
    metadata,
    Column("chunk_id", _cascade("chunks.id"), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

occurrences = Table(
    "occurrences",
    metadata,
    Column("document_id", _cascade("documents.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("chunk_id", ForeignKey("chunks.id"), nullable=False, index=True),
    Column("first_line", Integer),
    Column("last_line", Integer),
    Column("page", Integer),
)

removed_chunks = Table(
    "removed_chunks",
    metadata,
    Column("chunk_id", Integer, primary_key=True),
    Column("generation", Integer, nullable=False, index=True),
)

generations = Table(
    "generations",
    metadata,
    Column("generation", Integer, primary_key=True),
)

asks = Table(
    "asks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("asked_at", Float, nullable=False, index=True),
    Column("question", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("route", String, nullable=False),
    Column("answer", String, nullable=False),
    # The trace of the answer; what it rests on is said of the hits.
    Column("asked", String),
    Column("reason", String, nullable=False, server_default=""),
    Column("tried", String),
    Column("adapter", String),
    Column("adapter_set", Integer),
    Column("features", JSON(none_as_null=True)),
    Column("form", String, nullable=False, server_default="phrase"),
    Column("forms", JSON, nullable=False, server_default="{}"),
    Column("prompt_tokens", Integer),
    Column("chosen", JSON(none_as_null=True)),
    Column("forgotten", Boolean, nullable=False, server_default=text("0")),
    sqlite_autoincrement=True,
)

ask_hits = Table(
    "ask_hits",
    metadata,
    Column("ask_id", _cascade("asks.id"), primary_key=True),
    Column("rank", Integer, primary_key=True),
    # Its place in what the answer rests on, from 0; none: it was shown and not used.
    Column("support", Integer),
    Column("content_hash", String, nullable=False, index=True),
    Column("text", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("lexical", Float, nullable=False),
    Column("fused", Float, nullable=False),
    Column("root", String, nullable=False),
    Column("source", String, nullable=False),
    Column("heading", String, nullable=False),
    Column("first_line", Integer),
    Column("last_line", Integer),
    Column("page", Integer),
    Column("elsewhere", JSON, nullable=False),
    Column("supersedes", JSON, nullable=False),
    Column("flags", JSON, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ask_id", _cascade("asks.id"), nullable=False, index=True),
    Column("rating", Integer, nullable=False),
    Column("correction", String),
    Column("created_at", Float, nullable=False),
)

rounds = Table(
    "rounds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("stage", String, nullable=False),
    Column("selection", JSON, nullable=False),
    Column("report", JSON),
    sqlite_autoincrement=True,
)

study_rows = Table(
    "study_rows",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_hash", String, nullable=False, index=True),
    Column("teacher", String, nullable=False),
    Column("question", String, nullable=False),
    Column("row", JSON, nullable=False),
    UniqueConstraint("content_hash", "teacher", "question"),
)

adapters = Table(
    "adapters",
    metadata,
    Column("id", String, primary_key=True),
    Column("round_id", _cascade("rounds.id"), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("thresholds", JSON, nullable=False),
    Column("embedder", JSON(none_as_null=True)),  # of the vectors of its chunks and questions
)

# What an adapter was trained on. Outlives the chunk: routing needs learned texts that have since
# been edited or deleted, to keep the weights from answering from them.
adapter_chunks = Table(
    "adapter_chunks",
    metadata,
    Column("adapter_id", _cascade("adapters.id"), primary_key=True),
    Column("content_hash", String, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

adapter_questions = Table(
    "adapter_questions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("adapter_id", String, nullable=False, index=True),
    Column("content_hash", String, nullable=False),
    Column("question", String, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("proved", Boolean, nullable=False),
    Column("answer", String, nullable=False, server_default=""),
    Column("margin", Float, nullable=False, server_default=text("2")),
    Column("likelihood", Float),
)

adapter_sets = Table(
    "adapter_sets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("round_id", _cascade("rounds.id"), nullable=False),
    Column("previous_id", Integer),
    Column("created_at", Float, nullable=False),
    sqlite_autoincrement=True,
)

set_members = Table(
    "set_members",
    metadata,
    Column("set_id", _cascade("adapter_sets.id"), primary_key=True),
    Column("adapter_id", _cascade("adapters.id"), primary_key=True),
)

# Content hashes of chunks and SHA-256 of questions that were forgotten, for work that was running.
forgotten = Table(
    "forgotten",
    metadata,
    Column("digest", String, primary_key=True),
    Column("forgotten_at", Float, nullable=False),
)

# Outlives the rounds and sets that it names, and names no document.
evaluations = Table(
    "evaluations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("evaluated_at", Float, nullable=False),
    Column("file", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("adapter_set", Integer),
    Column("round_id", Integer),
    Column("questions", Integer, nullable=False),
    Column("accuracy", Float, nullable=False),
    Column("exact_match", Float, nullable=False),
    Column("f1", Float, nullable=False),
    Column("abstained", Float, nullable=False),
    Column("from_weights", Float, nullable=False),
    Column("mean_prompt_tokens", Float, nullable=False),
    Column("seconds", Float, nullable=False),
)

Index("adapter_chunks_by_hash", adapter_chunks.c.content_hash)
