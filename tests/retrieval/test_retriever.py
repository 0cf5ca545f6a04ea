"""Search sees the catalog as it is now, whatever the index file says and whoever changed it."""

from pathlib import Path

import numpy as np
import pytest

from ragcl import KnowledgeBase
from ragcl.errors import ModelMismatchError
from ragcl.results import Hit
from ragcl.retrieval.retriever import INDEX_FILE
from ragcl.retrieval.vector_index import VectorIndex

QUESTION = "How deep is the north berth?"


def texts(hits: list[Hit]) -> list[str]:
    return [hit.text for hit in hits]


def brute_force(kb: KnowledgeBase, question: str) -> list[str]:
    """Every current text, best first, without any index."""
    connection = kb.catalog.database._engine.raw_connection()
    rows = connection.execute("SELECT text, vector FROM chunks").fetchall()  # type: ignore[attr-defined]
    connection.close()
    vector = kb._embedder.encode([question])[0]
    scored = [(float(np.frombuffer(blob, np.float32) @ vector), text) for text, blob in rows]
    return [text for _, text in sorted(scored, reverse=True)]


def test_the_nearest_chunk_comes_first_with_its_place(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)

    hits = kb.search(QUESTION, k=10)

    assert hits[0].text == "The north berth is 11 metres deep. It takes tankers only."
    assert (hits[0].source, hits[0].lines) == ("berths.md", (5, 5))
    assert hits[0].heading == "Berths > North berth"
    assert texts(hits) == brute_force(kb, QUESTION)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_before_the_first_ingest_nothing_is_found(kb: KnowledgeBase) -> None:
    assert kb.search(QUESTION) == []


def test_an_edit_is_found_and_its_old_text_never_again(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)
    kb.search(QUESTION)
    path = docs / "berths.md"
    path.write_text(path.read_text().replace("11 metres", "12 metres"))

    kb.ingest(docs)

    found = " ".join(texts(kb.search(QUESTION, k=100)))
    assert "12 metres" in found
    assert "11 metres" not in found


def test_another_instance_sees_every_change_without_opening_again(
    kb: KnowledgeBase, docs: Path
) -> None:
    with KnowledgeBase.open(kb.folder) as other:
        assert other.search(QUESTION) == []
        kb.ingest(docs)
        assert "11 metres" in other.search(QUESTION)[0].text
        (docs / "berths.md").unlink()
        kb.ingest(docs)
        assert all(hit.source != "berths.md" for hit in other.search(QUESTION, k=100))
        kb.forget("canteen.md")
        assert {hit.source for hit in other.search(QUESTION, k=100)} == {
            "pilots.txt",
            "tariff.csv",
        }


@pytest.mark.parametrize("harm", ["missing", "cut short", "of an earlier day", "of a later day"])
def test_whatever_became_of_the_index_file_search_is_right(
    kb: KnowledgeBase, docs: Path, harm: str
) -> None:
    kb.ingest(docs)
    path = kb.folder / INDEX_FILE
    early = path.read_bytes()
    (docs / "berths.md").write_text("# Berths\n\nThe north berth is 13 metres deep.\n")
    kb.ingest(docs)
    if harm == "missing":
        path.unlink()
    elif harm == "cut short":
        path.write_bytes(path.read_bytes()[:-20])
    elif harm == "of an earlier day":
        path.write_bytes(early)
    else:
        index = VectorIndex.load(path)
        nothing = np.empty(0, np.int64)
        index.update(nothing, np.empty((0, 32), np.float32), nothing, 999)
        index.save(path)

    with KnowledgeBase.open(kb.folder) as other:
        assert texts(other.search(QUESTION, k=100)) == brute_force(other, QUESTION)


def test_after_an_ingest_the_index_file_is_up_to_date(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)
    index = VectorIndex.load(kb.folder / INDEX_FILE)

    assert len(index) == kb.status().chunks
    assert index.stamp.model == "tiny-embedder"
    assert index.stamp.dimension == 32


def test_another_embedder_is_refused_before_anything_is_changed(
    kb: KnowledgeBase, docs: Path, tmp_path: Path
) -> None:
    import shutil

    kb.ingest(docs)
    before = kb.search(QUESTION, k=100)
    other_model = tmp_path / "other-embedder"
    shutil.copytree(kb.settings.models.embedder, other_model)
    (other_model / "README.md").write_text("a retrained revision")
    config = kb.folder / "ragcl.toml"
    mine = config.read_text()
    config.write_text(mine.replace(kb.settings.models.embedder, str(other_model)))
    (docs / "new.md").write_text("# New\n\nSomething else.\n")

    with KnowledgeBase.open(kb.folder) as other:
        with pytest.raises(ModelMismatchError, match=r"tiny-embedder .*but .*other-embedder"):
            other.ingest(docs)
        with pytest.raises(ModelMismatchError, match="Set it back"):
            other.search(QUESTION)

    assert kb.search(QUESTION, k=100) == before


def test_the_same_question_in_a_batch_and_alone(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)
    questions = [QUESTION, "Where do pilots board?", "What does soup cost?"]

    together = kb._retriever.retrieve(questions, 3)

    for question, found in zip(questions, together, strict=True):
        [alone] = kb._retriever.retrieve([question], 3)
        assert [hit.chunk for hit in alone.hits] == [hit.chunk for hit in found.hits]
        np.testing.assert_allclose(alone.vector, found.vector, atol=1e-6)
        assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)
