"""A chunk is its content, stored once, and lives while a document holds it."""

import hashlib
import shutil
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from ragcl.catalog import Catalog, generations
from ragcl.catalog.chunks import chunk_vectors, count_chunks, sample_vectors, stored_chunks
from ragcl.catalog.documents import ChunkRecord, Delta, DocumentRecord
from ragcl.catalog.generations import changes_since, count_changes, generation, was_at
from ragcl.index.vector_index import Stamp, VectorIndex

DIM = 4


def document(path: str = "a.md", sha256: str = "0") -> DocumentRecord:
    return DocumentRecord(
        path=path,
        title=path,
        media_type="text/markdown",
        size=1,
        mtime_ns=2,
        ctime_ns=3,
        sha256=sha256,
        checked_ns=4,
        ingested_at=5.0,
    )


def chunks(*texts: str) -> list[ChunkRecord]:
    return [
        ChunkRecord(
            content_hash=f"hash of {text}",
            text=text,
            heading="Heading",
            flags=(),
            vector=vector(text),
            lines=(number, number),
            page=None,
        )
        for number, text in enumerate(texts, start=1)
    ]


def vector(text: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    values = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return values / np.linalg.norm(values)


def current_texts(catalog: Catalog) -> set[str]:
    with catalog.database.reading() as connection:
        ids = np.concatenate([one.added_ids for one in changes_since(connection, -1)]).tolist()
        return {chunk.text for chunk in stored_chunks(connection, ids).values()}


def generation_now(catalog: Catalog) -> int:
    with catalog.database.reading() as connection:
        return generation(connection)


@pytest.fixture
def root(catalog: Catalog) -> int:
    return catalog.documents.root_id("/docs")


def test_a_new_version_takes_the_place_of_the_old_one(catalog: Catalog, root: int) -> None:
    assert catalog.documents.replace(root, document(), chunks("one", "two")) == Delta(2, 0)
    assert catalog.documents.replace(root, document(sha256="1"), chunks("two", "three")) == Delta(
        1, 1
    )

    assert current_texts(catalog) == {"two", "three"}
    assert catalog.documents.hashes_of(root, "a.md") == ["hash of two", "hash of three"]
    assert [one.sha256 for one in catalog.documents.of_root(root)] == ["1"]
    assert catalog.documents.count() == (1, 2)


def test_unchanged_text_keeps_its_identity(catalog: Catalog, root: int) -> None:
    catalog.documents.replace(root, document(), chunks("one", "two"))
    before = catalog.documents.current(["hash of two"])["hash of two"]
    catalog.documents.replace(root, document(), chunks("zero", "nought", "two"))
    after = catalog.documents.current(["hash of two"])["hash of two"]

    assert after.id == before.id
    assert (before.lines, after.lines) == ((2, 2), (3, 3))


def test_a_chunk_that_two_documents_hold_is_stored_once_and_outlives_the_first(
    catalog: Catalog, root: int
) -> None:
    catalog.documents.replace(root, document("a.md"), chunks("shared", "mine"))
    assert catalog.documents.replace(root, document("b.md"), chunks("shared")) == Delta(0, 0)

    assert catalog.documents.remove(root, "a.md") == Delta(0, 1)
    assert current_texts(catalog) == {"shared"}
    assert catalog.documents.current(["hash of shared"])["hash of shared"].source == "b.md"
    assert catalog.documents.remove(root, "b.md") == Delta(0, 1)
    assert current_texts(catalog) == set()


def test_a_repeated_chunk_is_named_by_the_first_place_it_stands_in(
    catalog: Catalog, root: int
) -> None:
    catalog.documents.replace(root, document("b.md"), chunks("same"))
    catalog.documents.replace(root, document("a.md"), chunks("other", "same", "same"))

    found = catalog.documents.current(["hash of same"])["hash of same"]

    assert (found.source, found.lines) == ("a.md", (2, 2))
    assert catalog.documents.count() == (2, 2)


def test_a_copy_gives_way_to_what_it_is_a_copy_of(catalog: Catalog, root: int) -> None:
    catalog.documents.replace(root, document("people (1).md"), chunks("same"))
    catalog.documents.replace(root, document("people.md"), chunks("same"))

    found = catalog.documents.current(["hash of same"])["hash of same"]

    assert (found.source, found.elsewhere) == ("people.md", ("people (1).md",))


def test_the_same_path_under_two_roots_is_two_documents(catalog: Catalog, root: int) -> None:
    other = catalog.documents.root_id("/other")
    catalog.documents.replace(root, document("a.md"), chunks("one"))
    catalog.documents.replace(other, document("a.md"), chunks("two"))

    catalog.documents.remove(root, "a.md")

    assert current_texts(catalog) == {"two"}
    assert catalog.documents.named("a.md") == [(other, "/other", "a.md")]


def respaced(text: str, flags: tuple[str, ...] = ()) -> ChunkRecord:
    """Another spacing of the first of `chunks("one")`."""
    return replace(chunks("one")[0], text=text, flags=flags)


def test_text_and_flags_follow_the_last_spacing(catalog: Catalog, root: int) -> None:
    catalog.documents.replace(root, document(), chunks("one"))
    catalog.documents.replace(root, document(), [respaced("o\n ne", ("instructions",))])

    [found] = catalog.documents.current(["hash of one"]).values()
    assert (found.text, found.flags) == ("o\n ne", ("instructions",))
    catalog.documents.replace(root, document(), chunks("one"))
    [found] = catalog.documents.current(["hash of one"]).values()
    assert (found.text, found.flags) == ("one", ())


def test_an_untrusted_document_changes_no_text_that_a_trusted_one_holds(
    catalog: Catalog, root: int
) -> None:
    inbox = catalog.documents.root_id("/inbox")
    catalog.roots.set_trust(inbox, False)
    twin = [respaced("o ne", ("instructions",))]
    catalog.documents.replace(root, document(), chunks("one"))
    catalog.documents.replace(inbox, document(), twin)
    assert catalog.documents.learnable_hashes(["hash of one"]) == {"hash of one"}

    catalog.documents.remove(root, "a.md")
    catalog.documents.replace(inbox, document(), twin)
    [found] = catalog.documents.current(["hash of one"]).values()
    assert found.flags == ("instructions", "untrusted")
    catalog.documents.replace(root, document(), chunks("one"))
    [found] = catalog.documents.current(["hash of one"]).values()
    assert (found.text, found.flags) == ("one", ())


def test_a_chunk_is_shown_at_the_place_that_is_trusted(catalog: Catalog, root: int) -> None:
    inbox = catalog.documents.root_id("/inbox")
    catalog.roots.set_trust(inbox, False)
    catalog.documents.replace(inbox, document("a_v99.md"), chunks("one"))
    catalog.documents.replace(root, document("b.md"), chunks("one"))
    catalog.documents.replace(root, document("c.md"), chunks("one"))

    [found] = catalog.documents.current(["hash of one"]).values()

    assert (found.root, found.source, found.trusted) == ("/docs", "b.md", True)
    assert (found.elsewhere, found.vouched) == (("a_v99.md", "c.md"), ("c.md",))


def test_only_a_change_of_the_chunks_raises_the_generation(catalog: Catalog, root: int) -> None:
    seen = [generation_now(catalog)]
    for texts in (["one"], ["one"], ["one", "two"], ["one"], []):
        catalog.documents.replace(root, document(), chunks(*texts))
        seen.append(generation_now(catalog))
    catalog.documents.remove(root, "a.md")  # held no chunk any more
    seen.append(generation_now(catalog))

    assert seen == sorted(seen)
    assert [now > before for before, now in pairwise(seen)] == [
        True,
        False,
        True,
        True,
        True,
        False,
    ]


def test_two_histories_of_a_catalog_do_not_meet_in_a_generation(
    catalog: Catalog, root: int, tmp_path: Path
) -> None:
    catalog.documents.replace(root, document(), chunks("one"))
    catalog.database.checkpoint()
    shutil.copytree(tmp_path, tmp_path / "copy")
    other = Catalog(tmp_path / "copy")
    shared = generation_now(catalog)
    for one, text in ((catalog, "two"), (other, "three")):
        one.documents.replace(root, document("b.md"), chunks(text))

    for one, foreign in ((catalog, generation_now(other)), (other, generation_now(catalog))):
        with one.database.reading() as connection:
            assert was_at(connection, shared)
            assert was_at(connection, generation(connection))
            assert not was_at(connection, foreign)
    other.close()


def test_what_came_and_went_is_a_tombstone_and_its_id_is_never_used_again(
    catalog: Catalog, root: int
) -> None:
    catalog.documents.replace(root, document(), chunks("one"))
    old = catalog.documents.current(["hash of one"])["hash of one"].id
    catalog.documents.remove(root, "a.md")
    catalog.documents.replace(root, document(), chunks("one"))
    new = catalog.documents.current(["hash of one"])["hash of one"].id

    with catalog.database.reading() as connection:
        first, last = changes_since(connection, 0)

    assert new != old
    assert first.removed_ids.tolist() == [old]
    assert first.added_ids.tolist() == [new]
    np.testing.assert_array_equal(first.added_vectors, [vector("one")])
    assert len(last.removed_ids) == len(last.added_ids) == 0


def test_nothing_changed_since_now(catalog: Catalog, root: int) -> None:
    catalog.documents.replace(root, document(), chunks("one"))
    with catalog.database.reading() as connection:
        [changes] = changes_since(connection, generation(connection))

    assert len(changes.added_ids) == len(changes.removed_ids) == len(changes.added_vectors) == 0


def test_many_changes_come_in_parts_and_only_the_last_makes_an_index_true(
    catalog: Catalog, root: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "BATCH_VECTORS", 3)
    catalog.documents.replace(root, document("gone.md"), chunks("zero"))
    with catalog.database.reading() as connection:
        then = generation(connection)
    catalog.documents.replace(root, document("a.md"), chunks(*"abcdefg"))
    catalog.documents.remove(root, "gone.md")

    with catalog.database.reading() as connection:
        now = generation(connection)
        parts = list(changes_since(connection, then))

    assert [len(part.added_ids) for part in parts] == [3, 3, 1, 0]
    assert [part.generation for part in parts] == [then, then, then, now]
    assert sum(len(part.removed_ids) for part in parts) == 1


def test_changes_are_counted_from_a_generation_on(catalog: Catalog, root: int) -> None:
    passed = []
    for change in (
        lambda: None,
        lambda: catalog.documents.replace(root, document("a.md"), chunks("one", "two")),
        lambda: catalog.documents.replace(root, document("b.md"), chunks("three")),
        lambda: catalog.documents.remove(root, "a.md"),
    ):
        change()
        with catalog.database.reading() as connection:
            passed.append(generation(connection))

    with catalog.database.reading() as connection:
        assert count_chunks(connection) == 1
        assert [count_changes(connection, since) for since in passed] == [3, 3, 2, 0]


def test_what_every_search_asks_for_is_found_by_an_index_and_not_by_reading_all(
    catalog: Catalog, root: int
) -> None:
    catalog.documents.replace(root, document(), chunks("one"))
    asked: list[tuple[str, tuple[object, ...]]] = []
    event.listen(
        catalog.database._engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, values, *_: asked.append((statement, values)),
    )
    with catalog.database.reading() as connection:
        list(changes_since(connection, 1))
        count_changes(connection, 1)
        chunk_vectors(connection, [1])
        stored_chunks(connection, [1])
        reads = [one for one in asked if one[0].startswith("SELECT")]
        for statement, values in reads:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            scanned = {row[3].split()[1] for row in plan if row[3].startswith("SCAN")}
            # The ids that are asked for, and the folders: a handful.
            assert scanned <= {"json_each", "around"}, statement

    assert len(reads) >= 6


def test_a_sample_of_the_vectors_is_of_distinct_chunks(catalog: Catalog, root: int) -> None:
    catalog.documents.replace(root, document(), chunks(*"abcdefg"))

    with catalog.database.reading() as connection:
        some = sample_vectors(connection, 4, seed=1)
        every = sample_vectors(connection, 100, seed=1)

    assert some.shape == (4, DIM)
    assert len(np.unique(some, axis=0)) == 4
    np.testing.assert_array_equal(
        np.unique(every, axis=0), np.unique([vector(text) for text in "abcdefg"], axis=0)
    )


def test_known_vectors_come_back_as_they_were_stored(catalog: Catalog, root: int) -> None:
    catalog.documents.replace(root, document(), chunks("one"))

    found = catalog.documents.known_vectors(["hash of one", "hash of two"])

    assert list(found) == ["hash of one"]
    np.testing.assert_array_equal(found["hash of one"], vector("one"))


def test_more_hashes_than_a_statement_takes_variables(catalog: Catalog, root: int) -> None:
    texts = [str(number) for number in range(2000)]
    catalog.documents.replace(root, document(), chunks(*texts))
    hashes = [f"hash of {text}" for text in texts]

    assert catalog.documents.current_hashes(hashes) == set(hashes)
    assert len(catalog.documents.current(hashes)) == 2000
    assert catalog.documents.remove(root, "a.md") == Delta(0, 2000)


def test_a_failed_transaction_leaves_everything_as_it_was(catalog: Catalog, root: int) -> None:
    catalog.documents.replace(root, document(), chunks("one"))
    before = generation_now(catalog)
    broken = chunks("two", "three")
    object.__setattr__(broken[1], "text", None)  # not allowed in the table

    with pytest.raises(Exception, match="NOT NULL"):
        catalog.documents.replace(root, document(sha256="1"), broken)

    assert current_texts(catalog) == {"one"}
    assert catalog.documents.of_root(root) == [document()]
    assert generation_now(catalog) == before


def test_failures_are_those_of_the_last_ingest(catalog: Catalog, root: int) -> None:
    catalog.documents.set_failures(root, {"a.pdf": "torn", "b.pdf": "locked"}, 1.0)
    catalog.documents.set_failures(root, {"b.pdf": "locked"}, 2.0)

    assert catalog.documents.failed() == [("/docs", "b.pdf", "locked")]


PATHS = st.sampled_from(["a", "b", "c"])
TEXTS = st.lists(st.sampled_from("uvwxyz"), max_size=4)
STEPS = st.lists(st.tuples(PATHS, st.one_of(st.none(), TEXTS)), max_size=12)


@given(steps=STEPS, looked=st.sets(st.integers(0, 11)))
@settings(max_examples=40, deadline=None)
def test_whatever_happens_the_chunks_are_those_of_the_current_documents(
    steps: list[tuple[str, list[str] | None]], looked: set[int]
) -> None:
    """And an index that is caught up, however seldom, equals one that is built from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder))
        root = catalog.documents.root_id("/docs")
        lagging = VectorIndex(Stamp("model", "1", DIM, -1))
        expected: dict[str, list[str]] = {}
        for number, (path, texts) in enumerate(steps):
            if texts is None:
                catalog.documents.remove(root, path)
                expected.pop(path, None)
            else:
                catalog.documents.replace(root, document(path), chunks(*texts))
                expected[path] = texts
            if number in looked:
                catch_up(lagging, catalog)
        catch_up(lagging, catalog)
        fresh = VectorIndex(Stamp("model", "1", DIM, -1))
        catch_up(fresh, catalog)

        assert current_texts(catalog) == {text for texts in expected.values() for text in texts}
        assert contents(lagging) == contents(fresh)
        assert len(lagging) == catalog.documents.count()[1]
        catalog.close()


def catch_up(index: VectorIndex, catalog: Catalog) -> None:
    with catalog.database.reading() as connection:
        for one in changes_since(connection, index.stamp.generation):
            index.update(one.added_ids, one.added_vectors, one.removed_ids, one.generation)


def contents(index: VectorIndex) -> dict[int, float]:
    """Every id with its score against one vector that tells all texts apart."""
    ids, scores = index.search(vector("query")[None], 100)
    return dict(zip(ids[0].tolist(), np.round(scores[0], 5).tolist(), strict=True))


def test_what_stands_beside_a_chunk_is_that_of_the_place_where_it_is_shown(
    catalog: Catalog, root: int
) -> None:
    """A text may stand in a file several times, and in several files."""
    catalog.documents.replace(root, document("b.md"), chunks("x", "one", "y"))
    catalog.documents.replace(root, document("a.md"), chunks("one", "two", "three", "one", "four"))
    shown = catalog.documents.current(["hash of one", "hash of two"])

    before, after = catalog.documents.beside(shown["hash of one"])
    assert before is None
    assert after is not None
    assert (after.text, after.source, after.lines) == ("two", "a.md", (2, 2))
    texts = [one and one.text for one in catalog.documents.beside(shown["hash of two"])]
    assert texts == ["one", "three"]
