"""The live index: at the present state of the catalog, whatever became of its file."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import cosines

from ragcl import KnowledgeBase
from ragcl.catalog.passage import Passage
from ragcl.index import building, index_file, live_index, vector_index
from ragcl.index.building import stored_embedder
from ragcl.index.live_index import INDEX_FILE
from ragcl.index.recipe import INDEX
from ragcl.index.vector_index import VectorIndex

QUESTION = "How deep is the north berth?"


def test_after_an_ingest_the_index_file_is_up_to_date(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)
    index = VectorIndex.load(kb.folder / INDEX_FILE)

    assert len(index) == kb.status().chunks
    assert index.stamp.model == "tiny-embedder"
    assert index.stamp.dimension == 32


@pytest.fixture
def many(docs: Path) -> Path:
    """The documents and 120 more, of a chunk each."""
    for number in range(120):
        (docs / f"berth-{number}.md").write_text(f"# Berth {number}\n\nIt is {number} ells deep.\n")
    return docs


def index_of(kb: KnowledgeBase) -> VectorIndex:
    return VectorIndex.load(kb.folder / INDEX_FILE, check_lists=True)


def test_a_large_index_has_lists_and_the_same_hits_with_the_same_scores(
    kb: KnowledgeBase, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_index, "INDEX", replace(INDEX, exact_up_to=50))
    kb.ingest(many)

    hits = kb.search(QUESTION, k=20)

    assert index_of(kb).trained_on == kb.status().chunks > 50
    expected = cosines(kb, QUESTION)
    for hit in hits:
        assert hit.score == pytest.approx(expected[hit.text], abs=1e-5)
    assert [hit.fused for hit in hits] == pytest.approx(
        [hit.fused for hit in exactly(kb, QUESTION, 20)], abs=1e-5
    )
    assert kb.search(QUESTION, k=1, source="canteen.md")[0].source == "canteen.md"
    assert kb.doctor(repair=False).problems == []


def exactly(kb: KnowledgeBase, question: str, k: int) -> list[Passage]:
    """The hits of an exact index."""
    with pytest.MonkeyPatch.context() as patch, KnowledgeBase.open(kb.folder) as other:
        patch.setattr(vector_index, "INDEX", replace(INDEX, exact_up_to=10**9))
        with other.catalog.database.reading() as connection:
            other._retriever.live.loaded = building.build_exact(
                connection,
                stored_embedder(connection),
            )
        return list(other._retriever.retrieve([question], k)[0].hits)


def test_every_change_is_seen_with_lists_too(
    kb: KnowledgeBase, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_index, "INDEX", replace(INDEX, exact_up_to=50))
    kb.ingest(many)
    with KnowledgeBase.open(kb.folder) as other:
        assert "11 metres" in other.search(QUESTION)[0].text
        (many / "berths.md").write_text("# Berths\n\nThe north berth is 12 metres deep.\n")
        kb.ingest(many)
        assert "12 metres" in other.search(QUESTION)[0].text
        assert all("11 metres" not in hit.text for hit in other.search(QUESTION, k=200))
        kb.forget("berths.md")
        assert all(hit.source != "berths.md" for hit in other.search(QUESTION, k=200))


def test_a_small_change_does_not_write_the_file_and_is_found_all_the_same(
    kb: KnowledgeBase, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_index, "LAG", 0.03)  # of some 127 chunks: three may have changed
    kb.ingest(many)
    written = index_of(kb).stamp.generation
    with KnowledgeBase.open(kb.folder) as other:
        for number in range(3):
            (many / f"new-{number}.md").write_text(f"# New\n\nThe north quay is {number} old.\n")
            kb.ingest(many)
            assert index_of(kb).stamp.generation == written
            assert f"is {number} old" in other.search(f"quay is {number} old?")[0].text
    (many / "new-3.md").write_text("# New\n\nThe north quay is long.\n")

    kb.ingest(many)

    assert index_of(kb).stamp.generation > written
    assert len(index_of(kb)) == kb.status().chunks


def test_forgetting_leaves_no_vector_in_the_file_however_small_the_change(
    kb: KnowledgeBase, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_index, "LAG", 1.0)
    kb.ingest(many)
    before = len(index_of(kb))

    kb.forget("canteen.md")

    assert len(index_of(kb)) == kb.status().chunks == before - 1


class Gate:
    """Holds up whoever makes an index with lists, until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.opened, self.passed = threading.Event(), threading.Event(), 0
        build = building.build

        def held_up(*arguments: object) -> VectorIndex:
            self.reached.set()
            assert self.opened.wait(60)
            self.passed += 1
            return build(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(building, "build", held_up)


def test_an_index_grows_while_searches_go_on_with_the_old_one(
    kb: KnowledgeBase, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kb.ingest(many)
    assert index_of(kb).trained_on == 0
    monkeypatch.setattr(vector_index, "INDEX", replace(INDEX, exact_up_to=50))
    gate = Gate(monkeypatch)

    assert "11 metres" in kb.search(QUESTION)[0].text
    assert gate.reached.wait(60)
    with KnowledgeBase.open(kb.folder) as other:
        (many / "berths.md").write_text("# Berths\n\nThe north berth is 12 metres deep.\n")
        other.ingest(many)
        assert "12 metres" in other.search(QUESTION)[0].text
    assert "12 metres" in kb.search(QUESTION)[0].text
    assert index_of(kb).trained_on == 0
    gate.opened.set()
    kb._retriever.close()

    assert index_of(kb).trained_on > 0
    assert kb._retriever.live.loaded is not None
    assert kb._retriever.live.loaded.trained_on > 0
    assert "12 metres" in kb.search(QUESTION)[0].text
    assert gate.passed == 1


def test_closing_waits_for_an_index_that_grows(
    kb: KnowledgeBase, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kb.ingest(many)
    monkeypatch.setattr(vector_index, "INDEX", replace(INDEX, exact_up_to=50))
    with KnowledgeBase.open(kb.folder) as other:
        other.search(QUESTION)

    assert index_of(kb).trained_on == kb.status().chunks


def test_lists_are_made_again_when_there_is_several_times_as_much(
    kb: KnowledgeBase, docs: Path, many: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(vector_index, "INDEX", replace(INDEX, exact_up_to=5))
    few = tmp_path / "few"
    few.mkdir()
    for number in range(10):
        (few / f"{number}.md").write_text(f"# Few {number}\n\nIt has {number} masts.\n")
    kb.ingest(few)
    assert index_of(kb).trained_on == 10
    (few / "10.md").write_text("# Few\n\nIt has no masts.\n")
    kb.ingest(few)
    assert index_of(kb).trained_on == 10

    kb.ingest(many)
    assert index_of(kb).trained_on == kb.status().chunks

    for path in [*many.iterdir(), *list(few.iterdir())[1:]]:
        path.unlink()
    kb.ingest(few)
    kb.ingest(many)
    assert index_of(kb).trained_on == 0  # and exact again when there is little


def test_what_another_process_has_folded_is_taken_over(
    kb: KnowledgeBase, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what it has to search beside the lists does not grow for ever."""
    monkeypatch.setattr(vector_index, "INDEX", replace(INDEX, exact_up_to=50))
    kb.ingest(many)
    with KnowledgeBase.open(kb.folder) as other:
        other.search(QUESTION)
        for number in range(10):
            (many / f"new-{number}.md").write_text(f"# New\n\nThe quay is {number} old.\n")
        kb.ingest(many)
        assert index_of(kb).loose == 0

        other.search(QUESTION)
        other._retriever.close()

        assert other._retriever.live.loaded is not None
        assert other._retriever.live.loaded.loose == 0
        assert "is 7 old" in other.search("quay is 7 old?")[0].text


@pytest.mark.parametrize("harm", ["missing", "cut short", "altered lists", "other vectors"])
def test_whatever_became_of_a_file_with_lists_search_is_right_and_the_doctor_mends_it(
    kb: KnowledgeBase, many: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setattr(vector_index, "INDEX", replace(INDEX, exact_up_to=50))
    monkeypatch.setattr(index_file, "BLOCK", 512)
    kb.ingest(many)
    path = kb.folder / INDEX_FILE
    expected = [(hit.text, pytest.approx(hit.score)) for hit in kb.search(QUESTION, k=3)]
    if harm == "missing":
        path.unlink()
    elif harm == "cut short":
        path.write_bytes(path.read_bytes()[:-20])
    elif harm == "altered lists":
        with path.open("rb") as file:
            start, stop = index_file.read_header(file).about["lists"]
        content = bytearray(path.read_bytes())
        content[start:stop] = bytes(255 - byte for byte in content[start:stop])
        path.write_bytes(content)
    else:
        with kb.catalog.database.reading() as connection:
            index = building.build_lists(connection, stored_embedder(connection))
        ids, vectors = index.entries()
        index.update(ids, vectors[::-1].copy(), ids[:0], index.stamp.generation)
        index.save(path)

    if harm != "other vectors":
        with KnowledgeBase.open(kb.folder) as other:
            found = other.search(QUESTION, k=3)
            assert [(hit.text, hit.score) for hit in found] == expected
    with KnowledgeBase.open(kb.folder) as other:
        if harm == "other vectors":
            assert other.doctor().problems == ["the vector index disagrees with the catalog"]
        other.doctor()
        assert other.doctor(repair=False).problems == []
        assert [(hit.text, hit.score) for hit in other.search(QUESTION, k=3)] == expected
    assert index_of(kb).trained_on == kb.status().chunks


def test_where_no_file_can_be_written_the_index_grows_in_memory(
    kb: KnowledgeBase,
    many: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kb.ingest(many)
    monkeypatch.setattr(vector_index, "INDEX", replace(INDEX, exact_up_to=50))

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(VectorIndex, "save", full)
    kb.search(QUESTION)
    kb._retriever.close()

    assert kb._retriever.live.loaded is not None
    assert kb._retriever.live.loaded.trained_on > 0
    assert "no space left" in caplog.text
    assert "11 metres" in kb.search(QUESTION)[0].text
