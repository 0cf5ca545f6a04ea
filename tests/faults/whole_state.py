"""Everything that a knowledge base says about its documents, free of ids and times of day."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from ragcl import KnowledgeBase
from ragcl.catalog import schema
from ragcl.catalog.generations import generation
from ragcl.index.vector_index import VectorIndex

INDEX = "index/vectors.faiss"
ALL = 10_000  # more hits than there are chunks
TIMES = {"id", "root_id", "checked_ns", "ingested_at"}


def documents(kb: KnowledgeBase) -> dict[tuple[str, str], dict[str, Any]]:
    """By (root, path): the columns of each document and its chunks, as they stand in it."""
    tables = schema.documents, schema.occurrences, schema.chunks, schema.roots
    files, places, chunks, roots = tables
    with kb.catalog.database.reading() as connection:
        found = {
            row.id: {
                "root": row.root,
                "columns": {c.name: row._mapping[c.name] for c in files.c if c.name not in TIMES},
                "chunks": [],
            }
            for row in connection.execute(
                select(files, roots.c.path.label("root")).join(roots, roots.c.id == files.c.root_id)
            )
        }
        query = select(places, chunks.c.content_hash).join(chunks).order_by(places.c.ordinal)
        for row in connection.execute(query):
            found[row.document_id]["chunks"].append(
                (row.ordinal, row.content_hash, row.first_line, row.last_line, row.page)
            )
    by_path = {(one["root"], one["columns"]["path"]): one for one in found.values()}
    assert len(by_path) == len(found)
    return by_path


def chunks(kb: KnowledgeBase) -> dict[str, tuple[str, str, str, np.ndarray]]:
    """By content hash: text, heading, flags and vector."""
    with kb.catalog.database.reading() as connection:
        rows = connection.execute(select(schema.chunks)).all()
    found = {
        row.content_hash: (
            row.text,
            row.heading,
            str(row.flags),
            np.frombuffer(row.vector, np.float32),
        )
        for row in rows
    }
    assert len(found) == len(rows)
    return found


def searches(kb: KnowledgeBase, questions: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """By question and content hash: where each hit stands and its score."""
    return {
        question: {
            hit.content_hash: (hit.score, hit.root, hit.source, hit.lines, hit.heading, hit.text)
            for hit in kb.search(question, k=ALL)
        }
        for question in questions
    }


def assert_same(one: KnowledgeBase, other: KnowledgeBase, questions: tuple[str, ...]) -> None:
    """Both hold the same documents, chunks, vectors and failures, and find the same."""
    mine, theirs = documents(one), documents(other)
    assert mine.keys() == theirs.keys()
    for key, document in mine.items():
        assert document == theirs[key], (key, document, theirs[key])
    assert one.catalog.documents.roots() == other.catalog.documents.roots()
    assert sorted(one.catalog.documents.failed()) == sorted(other.catalog.documents.failed())
    assert one.catalog.documents.count() == other.catalog.documents.count()
    assert one.catalog.get("embedder") == other.catalog.get("embedder")
    held, wanted = chunks(one), chunks(other)
    assert held.keys() == wanted.keys()
    for key, (text, heading, flags, vector) in held.items():
        assert (text, heading, flags) == wanted[key][:3]
        np.testing.assert_allclose(vector, wanted[key][3], atol=1e-5)
    found, expected = searches(one, questions), searches(other, questions)
    for question in questions:
        assert found[question].keys() == expected[question].keys()
        for key, (score, *place) in found[question].items():
            assert score == pytest.approx(expected[question][key][0], abs=1e-4)
            assert place == list(expected[question][key][1:])


def assert_index_caught_up(kb: KnowledgeBase) -> None:
    """The index file holds the very chunks of the catalog, and nothing lies beside it."""
    path = kb.folder / INDEX
    index = VectorIndex.load(path)
    with kb.catalog.database.reading() as connection:
        assert index.stamp.generation == generation(connection)
        rows = connection.execute(select(schema.chunks).order_by(schema.chunks.c.id)).all()
    ids, vectors = index.entries()
    assert ids.tolist() == [row.id for row in rows]
    assert vectors.tobytes() == b"".join(row.vector for row in rows)
    beside = {f"{path.name}.lock", f"{path.name}.renewal.lock"}
    assert {one.name for one in path.parent.iterdir()} <= {path.name, *beside}


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
