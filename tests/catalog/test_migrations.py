"""Migrations: every catalog ends at the schema of the code, and a newer one is left alone."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect

from ragcl.catalog import FILE_NAME, Catalog, database, full_text, migrations, schema
from ragcl.catalog.generations import changes_since, generation, was_at
from ragcl.catalog.learning import ACTIVE
from ragcl.catalog.vectors import EMBEDDER
from ragcl.errors import CatalogError
from ragcl.results import Trace
from ragcl.search import lexical


@contextmanager
def catalog_after(steps: int, folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a catalog as an earlier version left it, after the first steps alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:steps])
        Catalog(folder).close()
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.create_function("searchable", 1, full_text.searchable)
        yield connection
        connection.commit()


def description(engine: Engine) -> dict[str, object]:
    """Tables, columns, keys and indexes, in an order that does not depend on their making.

    The tables of the full-text index are SQLite's own.
    """
    found = inspect(engine)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all()
    autoincrement = {name for name, sql in rows if sql and "AUTOINCREMENT" in sql}
    return {
        table: {
            "columns": [{**one, "type": str(one["type"])} for one in found.get_columns(table)],
            "primary key": found.get_pk_constraint(table)["constrained_columns"],
            "foreign keys": sorted(map(str, found.get_foreign_keys(table))),
            "unique": sorted(map(str, found.get_unique_constraints(table))),
            "indexes": sorted(map(str, found.get_indexes(table))),
            "ids are never used twice": table in autoincrement,
        }
        for table in found.get_table_names()
        if not table.startswith(full_text.TABLE)
    }


def test_the_steps_lead_to_the_schema_of_the_code(tmp_path: Path) -> None:
    Catalog(tmp_path).close()
    declared = create_engine("sqlite://")
    schema.metadata.create_all(declared)

    migrated = description(create_engine(f"sqlite:///{tmp_path / FILE_NAME}"))

    assert migrated == description(declared)
    assert len(migrated) == len(schema.metadata.tables)


def test_the_steps_are_numbered_without_a_gap() -> None:
    assert [int(name[:4]) for name in migrations.STEPS] == [*range(1, len(migrations.STEPS) + 1)]


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.put("key", [1, "two"])
    catalog.close()
    before = dump(tmp_path / FILE_NAME)

    again = Catalog(tmp_path)

    assert again.get("key") == [1, "two"]
    again.close()
    assert dump(tmp_path / FILE_NAME) == before


def test_a_catalog_from_a_newer_version_is_refused_in_one_line_and_left_as_it_is(
    tmp_path: Path,
) -> None:
    Catalog(tmp_path).close()
    path = tmp_path / FILE_NAME
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(migrations.STEPS) + 1}")
    connection.close()
    before = path.read_bytes()

    known = len(migrations.STEPS)
    expected = rf"version {known + 1}; this ragcl reads .* up to {known}\..*Upgrade"
    with pytest.raises(CatalogError, match=expected) as e:
        Catalog(tmp_path)

    assert "\n" not in str(e.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, None])
def test_a_damaged_file_is_refused_with_what_to_do(tmp_path: Path, damage: bytes | None) -> None:
    catalog = Catalog(tmp_path)
    catalog.close()
    path = tmp_path / FILE_NAME
    content = path.read_bytes()
    path.write_bytes(damage or content[:2000])

    with pytest.raises(CatalogError, match=r"is damaged.*Restore it from a copy"):
        Catalog(tmp_path)


@pytest.mark.parametrize(
    ("step", "read_again", "kept"),
    [
        (4, ("a.md", "text/markdown"), ("b.txt", "text/plain")),
        (16, ("a.eml", "message/rfc822"), ("b.txt", "text/plain")),
        (16, ("a.yaml", "application/yaml"), ("b.txt", "text/plain")),
        (19, ("a.html", "text/html"), ("b.txt", "text/plain")),
        (20, ("a.csv", "text/csv"), ("b.txt", "text/plain")),
    ],
)
def test_what_its_reader_reads_otherwise_is_read_again_after_an_upgrade(
    tmp_path: Path, step: int, read_again: tuple[str, str], kept: tuple[str, str]
) -> None:
    with catalog_after(step, tmp_path) as connection:
        connection.execute("INSERT INTO roots (id, path) VALUES (1, '/docs')")
        for name, media_type in (read_again, kept):
            connection.execute(
                "INSERT INTO documents (root_id, path, title, media_type, size, mtime_ns, "
                "ctime_ns, sha256, checked_ns, ingested_at) "
                "VALUES (1, ?, 'title', ?, 5, 1, 1, 'digest', 2, 3.0)",
                (name, media_type),
            )

    catalog = Catalog(tmp_path)

    found = {one.path: (one.size, one.sha256, one.metadata) for one in catalog.documents.of_root(1)}
    assert found == {read_again[0]: (-1, "", {}), kept[0]: (5, "digest", {})}
    catalog.close()


def test_words_without_spaces_are_found_after_an_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:  # which knew no words without spaces
        patch.setattr(full_text, "searchable", lambda text: text)
        patch.setattr(database, "searchable", lambda text: text)
        with catalog_after(5, tmp_path) as connection:
            connection.execute(
                "INSERT INTO chunks (content_hash, text, heading, flags, vector, generation) "
                "VALUES ('h', 'ท่าเรือเปิดเวลาหกโมง', '', '[]', x'', 1)"
            )

    catalog = Catalog(tmp_path)

    with catalog.database.reading() as reading:
        assert lexical.matches(reading, "ท่าเรือ", 5)[0].tolist() == [1]
    catalog.close()


def dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    connection.create_function("searchable", 1, full_text.searchable)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_nested_roots_are_one_after_an_upgrade(tmp_path: Path) -> None:
    """Of two documents of one file the one that was looked at last stays, with its chunks alone."""
    with catalog_after(9, tmp_path) as connection:
        roots = [(1, "/docs/sub", 0), (2, "/docs", 1), (3, "/docs-b", 1), (4, "/docs/sub/x", 1)]
        connection.executemany("INSERT INTO roots VALUES (?, ?, ?)", roots)
        for number, (root, path, checked) in enumerate(
            [(1, "a.md", 5), (2, "sub/a.md", 9), (1, "b.md", 9), (2, "sub/b.md", 5), (4, "c.md", 1),
             (3, "a.md", 1)], start=1,
        ):  # fmt: skip
            connection.execute(
                "INSERT INTO documents (id, root_id, path, title, media_type, size, mtime_ns, "
                "ctime_ns, sha256, checked_ns, ingested_at) "
                "VALUES (?, ?, ?, 'title', 'text/plain', 5, 1, 1, 'digest', ?, 3.0)",
                (number, root, path, checked),
            )
            connection.execute(
                "INSERT INTO chunks (content_hash, text, heading, flags, vector, generation) "
                "VALUES (?, ?, '', '[]', x'', 0)",
                (f"h{number}", f"text {number}"),
            )
            connection.execute(
                "INSERT INTO occurrences (document_id, ordinal, chunk_id) VALUES (?, 0, ?)",
                (number, number),
            )

    catalog = Catalog(tmp_path)

    found = {one.path: (one.owner, one.prefix, one.trusted) for one in catalog.roots.all()}
    assert found == {
        "/docs": (2, "", True),
        "/docs-b": (3, "", True),
        "/docs/sub": (2, "sub/", False),
        "/docs/sub/x": (2, "sub/x/", True),
    }
    held = {
        one.path: catalog.documents.hashes_of(2, one.path) for one in catalog.documents.of_root(2)
    }
    assert held == {"sub/a.md": ["h2"], "sub/b.md": ["h3"], "sub/x/c.md": ["h5"]}
    assert catalog.documents.current_hashes([f"h{n}" for n in range(9)]) == {"h2", "h3", "h5", "h6"}
    assert catalog.documents.learnable_hashes([f"h{n}" for n in range(9)]) == {"h6"}
    with catalog.database.reading() as reading:
        [changes] = [one for one in changes_since(reading, 0) if len(one.removed_ids)]
        assert sorted(changes.removed_ids.tolist()) == [1, 4]
        assert was_at(reading, generation(reading))
    catalog.close()


def test_how_logged_answers_came_to_be_is_known_after_an_upgrade(tmp_path: Path) -> None:
    hit = {
        "source": "a.md", "heading": "Berths", "score": 0.1235, "lexical": 0.25, "fused": 0.5,
        "content_hash": "x", "elsewhere": ["b.md"], "supersedes": [], "flags": ["garbled"],
    }  # fmt: skip
    chosen = {"source": "*.md", "since_ns": 1, "until_ns": None, "metadata": {"author": "holm"}}
    full = {
        "asked": "and that?", "reason": "because", "tried": "weights", "adapter": "s0-a",
        "adapter_set": 3, "features": {"margin": 0.5}, "form": "quotation",
        "forms": {"phrase": -1.5}, "prompt_tokens": 90, "chosen": chosen,
        "support": ["y", "x"], "hits": [hit, {**hit, "content_hash": "y", "lexical": 0.75}],
    }  # fmt: skip
    first = {"reason": "because", "hits": [], "chosen": None, "features": None}
    citation = {
        **{key: hit[key] for key in ("source", "heading", "elsewhere", "supersedes", "flags")},
        "lines": [3, 4], "text": "11 metres", "score": 0.123456, "page": None, "root": "/docs",
    }  # fmt: skip
    oldest = {"source": "a.pdf", "lines": None, "heading": "", "text": "t", "page": 7}
    with catalog_after(14, tmp_path) as connection:
        for trace in (full, first, {"forgotten": True}):
            connection.execute(
                "INSERT INTO asks (asked_at, question, vector, mode, route, answer, trace) "
                "VALUES (1, 'how deep?', x'', 'auto', 'context', '', ?)",
                (json.dumps(trace),),
            )
        for row in (
            (1, 0, "x", json.dumps({**citation, "content_hash": "x"})),
            (1, 1, "y", json.dumps({**citation, "content_hash": "y"})),
            (3, 1, "x", json.dumps(oldest)),
        ):
            connection.execute("INSERT INTO ask_hits VALUES (?, ?, ?, 0.123456, ?)", row)
        connection.execute("INSERT INTO feedback VALUES (1, 1, -1, 'twelve', 2.0)")

    catalog = Catalog(tmp_path)

    one, two, forgotten = catalog.asks.log()
    assert dict(one.trace) == full
    assert (one.hits[1].content_hash, one.hits[1].lines, one.hits[1].text, one.hits[1].root) == (
        "y", (3, 4), "11 metres", "/docs",
    )  # fmt: skip
    assert (one.hits[0].score, one.hits[0].lexical, one.hits[0].fused) == (0.123456, 0.25, 0.5)
    assert (one.hits[0].elsewhere, one.hits[0].flags) == (("b.md",), ("garbled",))
    assert (one.ratings, one.correction) == ((-1,), "twelve")
    assert two.trace == Trace(reason="because")
    assert forgotten.trace == Trace(forgotten=True)
    assert (forgotten.hits[0].source, forgotten.hits[0].page) == ("a.pdf", 7)
    assert catalog.asks.mention("/docs", "a.md")
    catalog.close()


def test_adapters_belong_to_the_embedder_in_use_after_an_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "STEPS", migrations.STEPS[:15])
    earlier = Catalog(tmp_path)
    embedder = {"model": "m", "revision": "r", "dimension": 2}
    earlier.put(EMBEDDER, embedder)
    round_id = earlier.learning.start_round({}, 1.0)
    with earlier.database.writing() as connection:
        connection.exec_driver_sql(f"INSERT INTO adapters VALUES ('a', {round_id}, 1.0, '{{}}')")
        connection.exec_driver_sql(f"INSERT INTO adapter_sets VALUES (1, {round_id}, NULL, 1.0)")
        connection.exec_driver_sql("INSERT INTO set_members VALUES (1, 'a')")
    earlier.put(ACTIVE, 1)
    earlier.close()
    monkeypatch.undo()

    catalog = Catalog(tmp_path)

    [adapter] = catalog.learning.active()[1]
    assert (adapter.id, adapter.embedder) == ("a", embedder)
    catalog.put(EMBEDDER, {**embedder, "revision": "another"})
    assert catalog.learning.active() == (1, [])
    assert catalog.learning.active_key() == (1, ())
    assert catalog.learning.adapter_ids() == ["a"]
    catalog.close()
