"""Search sees the catalog as it is now, whatever the index file says and whoever changed it."""

import os
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from conftest import cosines, on_both_pairs

from ragcl import KnowledgeBase
from ragcl.catalog.chunks import stored_chunks
from ragcl.catalog.passage import Passage
from ragcl.errors import ModelMismatchError, UsageError
from ragcl.index.live_index import INDEX_FILE
from ragcl.index.vector_index import VectorIndex
from ragcl.results import Hit
from ragcl.search import lexical, retrieval, retriever
from ragcl.search.recipe import SEARCH
from ragcl.search.retrieval import Retrieval

QUESTION = "How deep is the north berth?"


def texts(hits: list[Hit]) -> list[str]:
    return [hit.text for hit in hits]


def brute_force(kb: KnowledgeBase, question: str) -> list[str]:
    """Every current text, best first, without the vector index and without candidates."""
    with kb.catalog.database.reading() as connection:
        ids, shares = lexical.matches(connection, question, 1000)
        found = stored_chunks(connection, ids.tolist())
    scale = kb._retriever.calibrate().passages
    scores = {text: scale(cosine) for text, cosine in cosines(kb, question).items()}
    for i, share in zip(ids.tolist(), shares.tolist(), strict=True):
        scores[found[i].text] += SEARCH.lexical_weight * share
    return sorted(scores, key=lambda text: -scores[text])


def test_the_nearest_chunk_comes_first_with_its_place(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)

    hits = kb.search(QUESTION, k=10)

    assert hits[0].text == "The north berth is 11 metres deep. It takes tankers only."
    assert (hits[0].source, hits[0].lines) == ("berths.md", (5, 5))
    assert hits[0].heading == "Berths > North berth"
    assert texts(hits) == brute_force(kb, QUESTION)
    assert [hit.fused for hit in hits] == sorted((hit.fused for hit in hits), reverse=True)
    for hit in hits:
        assert hit.score == pytest.approx(cosines(kb, QUESTION)[hit.text], abs=1e-5)
        similarity = kb._retriever.calibrate().passages(hit.score)
        assert hit.fused == pytest.approx(similarity + SEARCH.lexical_weight * hit.lexical)


def test_the_nearest_to_a_vector_are_found_by_meaning_alone(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)

    [found] = kb._retriever.nearest(kb._embedder.encode_questions([QUESTION]), 10)

    scores = cosines(kb, QUESTION)
    assert [hit.text for hit in found.hits] == sorted(scores, key=lambda text: -scores[text])
    assert {hit.lexical for hit in found.hits} == {0.0}


def test_before_the_first_ingest_nothing_is_found(kb: KnowledgeBase) -> None:
    assert kb.search(QUESTION) == []


@on_both_pairs
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
        assert [hit.id for hit in alone.hits] == [hit.id for hit in found.hits]
        np.testing.assert_allclose(alone.vector, found.vector, atol=1e-6)
        assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)


# --- words and meaning together


def test_a_rare_word_is_found_that_the_embedder_does_not_know(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where its chunk is none of the nearest, and then with its true cosine."""
    (docs / "signals.md").write_text("# Signals\n\nThe soup is not ready. XK-4711, QV-17.\n")
    kb.ingest(docs)
    question = "Is XK-4711 QV-17 at the north berth?"
    # This embedder's cosines are far apart.
    recipe = replace(SEARCH, pool=1, spare=0, lexical_weight=4.0)
    for module in (retriever, retrieval):
        monkeypatch.setattr(module, "SEARCH", recipe)
    scores = cosines(kb, question)

    [hit] = kb.search(question, k=1)

    assert hit.source == "signals.md"
    assert hit.text != max(scores, key=lambda text: scores[text])
    assert hit.lexical > 0.5
    assert hit.score == pytest.approx(cosines(kb, question)[hit.text], abs=1e-5)


def test_without_telling_words_meaning_decides(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)

    hits = kb.search("zeppelin", k=10)

    assert {hit.lexical for hit in hits} == {0.0}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_damaged_full_text_index_leaves_the_search_by_meaning(
    kb: KnowledgeBase, docs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kb.ingest(docs)
    with kb.catalog.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM full_text_data WHERE id > 10")

    found = texts(kb.search(QUESTION, k=100))

    scores = cosines(kb, QUESTION)
    assert found == sorted(scores, key=lambda text: -scores[text])
    assert "ragcl doctor" in caplog.text


def test_the_margin_is_the_lead_in_what_hits_are_ranked_by() -> None:
    first, second = (Passage("t", 0.4, "a.md", None, "", "h", fused=fused) for fused in (0.9, 0.6))
    vector = np.ones(1, np.float32)

    assert Retrieval(vector, (first, second)).margin == pytest.approx(0.3)
    assert Retrieval(vector, (second,)).margin == pytest.approx(1.6)
    assert Retrieval(vector, ()).margin == 0
    assert Retrieval(vector, (first,), second=second).margin == pytest.approx(
        Retrieval(vector, (first, second)).margin
    )


def test_the_margin_is_the_same_however_few_are_shown(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)

    [one], [many] = (kb._retriever.retrieve([QUESTION], k) for k in (1, 4))

    assert len(one.hits) == 1
    assert one.hits == many.hits[:1]
    assert one.margin == many.margin


# --- filters


@pytest.fixture
def dated(kb: KnowledgeBase, docs: Path) -> KnowledgeBase:
    """The documents and a folder in theirs, each file last changed on a day of its own."""
    (docs / "old").mkdir()
    (docs / "old" / "berths.md").write_text("# Berths\n\nThe north berth is 9 metres deep.\n")
    for day, name in enumerate(("old/berths.md", "canteen.md", "pilots.txt", "berths.md"), 1):
        moment = datetime(2026, 3, day, 12).timestamp()
        os.utime(docs / name, (moment, moment))
    moment = datetime(2025, 1, 1).timestamp()
    os.utime(docs / "tariff.csv", (moment, moment))
    kb.ingest(docs)
    return kb


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"source": "*.md"}, {"berths.md", "canteen.md", "old/berths.md"}),
        ({"source": "old/*"}, {"old/berths.md"}),
        ({"source": "berths.md"}, {"berths.md"}),
        ({"source": "*/docs/berths.md"}, {"berths.md"}),
        ({"source": "[bp]*"}, {"berths.md", "pilots.txt"}),
        ({"source": "no such"}, set()),
        ({"source": "'; --"}, set()),
        ({"since": "2026-03-03"}, {"pilots.txt", "berths.md"}),
        ({"since": date(2026, 3, 3)}, {"pilots.txt", "berths.md"}),
        ({"until": "2026-03-01"}, {"tariff.csv", "old/berths.md"}),
        ({"until": date(2026, 3, 1)}, {"tariff.csv", "old/berths.md"}),
        ({"until": "2026-03-01T11:59"}, {"tariff.csv"}),
        ({"until": datetime(2026, 3, 1, 12)}, {"tariff.csv", "old/berths.md"}),
        ({"source": "*.md", "since": "2026-03-02", "until": "2026-03-03"}, {"canteen.md"}),
    ],
)
def test_only_the_chosen_documents_are_searched(
    dated: KnowledgeBase, chosen: dict[str, object], expected: set[str]
) -> None:
    assert {hit.source for hit in dated.search(QUESTION, k=100, **chosen)} == expected


def test_a_filter_is_no_sieve_after_the_search(
    dated: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it lets through is found however many others are nearer."""
    monkeypatch.setattr(retriever, "SEARCH", replace(SEARCH, pool=1, spare=0))

    assert [hit.source for hit in dated.search(QUESTION, k=1, source="canteen.md")] == [
        "canteen.md"
    ]


def test_text_in_several_documents_is_shown_in_the_one_that_was_chosen(
    dated: KnowledgeBase, docs: Path
) -> None:
    (docs / "canteen-2.md").write_text((docs / "canteen.md").read_text())
    dated.ingest(docs)

    assert dated.search("soup", k=1)[0].source == "canteen.md"
    assert dated.search("soup", k=1, source="canteen-2.md")[0].source == "canteen-2.md"


@pytest.fixture
def described(kb: KnowledgeBase, docs: Path) -> KnowledgeBase:
    """The documents and two that say something of themselves."""
    (docs / "signals.md").write_text(
        "---\nStatus: Approved\nauthor: Marta Holm\ntags: [night, fog]\n---\n\nA red light.\n"
    )
    (docs / "mail.eml").write_text(
        "From: Marta Holm <holm@harbour.example>\nSubject: Soup\n\nThe soup is ready.\n"
    )
    kb.ingest(docs)
    return kb


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"status": "approved"}, {"signals.md"}),
        ({"STATUS": "APPROVED"}, {"signals.md"}),
        ({"status": "draft"}, set()),
        ({"status": "approve"}, set()),
        ({"tags": "fog"}, {"signals.md"}),
        ({"tags": "fog", "author": "*holm"}, {"signals.md"}),
        ({"tags": "fog", "author": "*berg"}, set()),
        ({"from": "*@harbour.example>"}, {"mail.eml"}),
        ({"status": "*"}, {"signals.md"}),
        ({"no such key": "*"}, set()),
        ({"a' OR 1=1; --": "*"}, set()),
        ({}, {"signals.md", "mail.eml", "berths.md", "canteen.md", "pilots.txt", "tariff.csv"}),
    ],
)
def test_only_documents_that_say_so_of_themselves_are_searched(
    described: KnowledgeBase, where: dict[str, str], expected: set[str]
) -> None:
    assert {hit.source for hit in described.search(QUESTION, k=100, where=where)} == expected


def test_changed_front_matter_counts_at_once(described: KnowledgeBase, docs: Path) -> None:
    path = docs / "signals.md"
    path.write_text(path.read_text().replace("Approved", "Draft"))

    described.ingest(docs)

    assert described.search("light", where={"status": "approved"}) == []
    assert described.search("light", where={"status": "draft"})[0].source == "signals.md"


@pytest.mark.parametrize("name", ["since", "until"])
def test_what_is_no_date_is_refused(dated: KnowledgeBase, name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name} = 'soon' is no date: write it like 2026-01-31"):
        dated.search(QUESTION, **{name: "soon"})
