"""Other models: the old ones answer until the new are ready, and nothing is lost on the way."""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import QUESTIONS, TinyModels, make_language_model
from sqlalchemy import func, select

from ragcl import (
    KnowledgeBase,
    ModelMismatchError,
    ModelNotFoundError,
    ModelsReport,
    UsageError,
    switching,
)
from ragcl.catalog import schema
from ragcl.errors import KnowledgeBaseBusyError
from ragcl.ingestion import embedding_text
from ragcl.search.embedder import Embedder
from ragcl.search.embedders import Choice

QUESTION = QUESTIONS[0]
NEW = "# New\n\nThe new crane lifts 40 tonnes.\n"


@pytest.fixture
def full(kb: KnowledgeBase, docs: Path) -> KnowledgeBase:
    kb.ingest(docs)
    return kb


@pytest.fixture
def other_model(tmp_path: Path) -> str:
    return str(make_language_model(tmp_path / "other-lm", seed=7))


def vectors(kb: KnowledgeBase) -> dict[str, np.ndarray]:
    with kb.catalog.database.reading() as connection:
        rows = connection.execute(select(*schema.chunks.c["content_hash", "vector"])).all()
    return {row.content_hash: np.frombuffer(row.vector, np.float32) for row in rows}


def assert_whole(kb: KnowledgeBase, embedder: Path | str) -> None:
    """Every chunk has the vector that this embedder gives it, and the index holds just these."""
    found = vectors(kb)
    current = kb.catalog.documents.current(found)
    texts = {key: embedding_text(one.heading, one.text) for key, one in current.items()}
    model = Choice(str(embedder)).load(kb.settings.models)
    expected = dict(zip(texts, model.encode(list(texts.values())), strict=True))
    for key, vector in found.items():
        np.testing.assert_allclose(vector, expected[key], atol=1e-5)
    with kb.catalog.database.reading() as connection:
        waiting = select(func.count()).select_from(schema.next_vectors)
        assert connection.execute(waiting).scalar_one() == 0
    assert kb.doctor(repair=False).problems == []
    assert kb.status().migration is None


def killed_after(monkeypatch: pytest.MonkeyPatch, chunks: int) -> Callable[..., None]:
    """Progress that ends the work as soon as so many chunks are embedded."""
    monkeypatch.setattr(switching, "AT_ONCE", 1)

    def progress(what: str, done: int, _total: int) -> None:
        if what == "embedding" and done > chunks:
            raise KeyboardInterrupt

    return progress


def test_another_embedder_embeds_every_chunk_again(
    full: KnowledgeBase, other_embedder: Path
) -> None:
    before = full.search(QUESTION)
    plans = []

    def agree(plan: ModelsReport) -> bool:
        plans.append(plan)
        return True

    report = full.use_models(embedder=str(other_embedder), confirm=agree)

    assert (report.done, report.chunks, report.too_long) == (True, 5, 0)
    assert plans == [replace(report, done=False, seconds=0.0)]
    assert full.settings.models.embedder == str(other_embedder)
    assert full.status().embedder == str(other_embedder)
    assert_whole(full, other_embedder)
    after = full.search(QUESTION)
    assert after[0].content_hash == before[0].content_hash
    assert after[0].score != pytest.approx(before[0].score)
    with KnowledgeBase.open(full.folder) as again:
        assert again.settings.models.embedder == str(other_embedder)
        assert [hit.score for hit in again.search(QUESTION)] == [hit.score for hit in after]


def test_nothing_is_done_without_consent(full: KnowledgeBase, other_embedder: Path) -> None:
    config = (full.folder / "ragcl.toml").read_text()
    before = vectors(full)

    report = full.use_models(embedder=str(other_embedder), confirm=lambda _: False)

    assert not report.done
    assert (full.folder / "ragcl.toml").read_text() == config
    assert vectors(full).keys() == before.keys()
    assert full.status().migration is None


def test_another_process_follows_at_its_next_call(
    full: KnowledgeBase, other_embedder: Path, docs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with KnowledgeBase.open(full.folder) as open_before:
        answer = open_before.ask(QUESTION)
        full.use_models(embedder=str(other_embedder))

        assert open_before.ask(QUESTION).text == answer.text
        assert open_before._embedder.dimension == 48
        (docs / "new.md").write_text(NEW)
        open_before.ingest(docs)

        assert "40 tonnes" in full.search("new crane")[0].text
        assert open_before.status().embedder == str(other_embedder)
    assert not caplog.records
    assert_whole(full, other_embedder)


def test_an_answer_under_way_keeps_its_embedder(
    full: KnowledgeBase, other_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The switch comes between the embedding of a question and its search, then before reading."""
    old = full.settings.models.embedder
    with KnowledgeBase.open(full.folder) as asking:
        expected = asking.ask(QUESTION, record=False).text
        original = Embedder.encode_questions
        switched = []

        def encode(self: Embedder, questions: list[str]) -> Any:
            vectors = original(self, questions)
            if not switched:
                switched.append(full.use_models(embedder=str(other_embedder)))
            return vectors

        monkeypatch.setattr(Embedder, "encode_questions", encode)
        assert asking.ask(QUESTION).text == expected

        found = asking._retriever.retrieve([QUESTION], 4)
        full.use_models(embedder=old)
        assert asking._narrower.rank([QUESTION], found)[0]


def test_documents_that_come_in_between_are_in_both(
    full: KnowledgeBase, other_embedder: Path, docs: Path
) -> None:
    with KnowledgeBase.open(full.folder) as other:

        def progress(what: str, done: int, total: int) -> None:
            if what == "embedding" and done == total and not (docs / "new.md").exists():
                (docs / "new.md").write_text(NEW)
                (docs / "canteen.md").unlink()
                other.ingest(docs)
                assert "40 tonnes" in other.search("new crane")[0].text
                assert other._embedder.dimension == 32

        full.use_models(embedder=str(other_embedder), progress=progress)

    assert "40 tonnes" in full.search("new crane")[0].text
    assert not any("Marta Holm" in hit.text for hit in full.search("cook", k=100))
    assert_whole(full, other_embedder)


def test_the_switch_waits_for_an_ingest_that_is_running(
    full: KnowledgeBase, other_embedder: Path
) -> None:
    waiting = threading.Event()
    reports = []

    def progress(what: str, _done: int, _total: int) -> None:
        if what.startswith("waiting"):
            waiting.set()

    def use() -> None:
        reports.append(full.use_models(embedder=str(other_embedder), progress=progress))

    with KnowledgeBase.open(full.folder) as other, other._writer():
        thread = threading.Thread(target=use)
        thread.start()
        assert waiting.wait(60)
        assert other._embedder.dimension == 32
    thread.join()
    assert reports[0].done
    assert_whole(full, other_embedder)


def test_a_change_that_was_ended_goes_on_where_it_stopped(
    full: KnowledgeBase, other_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = full.settings.models.embedder
    before = [hit.score for hit in full.search(QUESTION)]
    with pytest.raises(KeyboardInterrupt):
        full.use_models(embedder=str(other_embedder), progress=killed_after(monkeypatch, 3))

    status = full.status()
    assert status.migration is not None
    assert (status.migration.embedded, status.migration.chunks) == (3, 5)
    assert status.migration.embedder == other_embedder.name
    assert status.embedder == old
    with KnowledgeBase.open(full.folder) as again:
        assert [hit.score for hit in again.search(QUESTION)] == before
        assert again.use_models(embedder=str(other_embedder)).chunks == 2
        assert_whole(again, other_embedder)


def test_naming_the_embedder_in_use_ends_a_change(
    full: KnowledgeBase, other_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        full.use_models(embedder=str(other_embedder), progress=killed_after(monkeypatch, 3))

    assert full.use_models(embedder=full.settings.models.embedder).chunks == 0

    assert_whole(full, full.settings.models.embedder)


def test_a_change_to_a_third_embedder_begins_anew(
    full: KnowledgeBase, other_embedder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = tmp_path / "third"
    shutil.copytree(other_embedder, third)
    (third / "README.md").write_text("another revision")
    with pytest.raises(KeyboardInterrupt):
        full.use_models(embedder=str(other_embedder), progress=killed_after(monkeypatch, 3))

    assert full.use_models(embedder=str(third)).chunks == 5

    assert_whole(full, third)


def test_what_is_forgotten_leaves_the_next_vectors_too(
    full: KnowledgeBase, other_embedder: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        full.use_models(embedder=str(other_embedder), progress=killed_after(monkeypatch, 4))
    with full.catalog.database.reading() as connection:
        kept = connection.execute(select(schema.next_vectors.c.vector)).scalars().all()

    for name in ("berths.md", "canteen.md", "pilots.txt", "tariff.csv"):
        full.forget(docs / name)

    files = b"".join(path.read_bytes() for path in full.folder.rglob("*") if path.is_file())
    assert len(kept) == 4
    assert not any(vector in files for vector in kept)


def test_killed_before_the_settings_are_written_the_new_embedder_is_used_and_said(
    full: KnowledgeBase,
    other_embedder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ragcl.knowledge_base.write_models", killed)
    with pytest.raises(KeyboardInterrupt):
        full.use_models(embedder=str(other_embedder))
    monkeypatch.undo()

    with KnowledgeBase.open(full.folder) as again:
        assert again.settings.models.embedder != str(other_embedder)
        assert again.search(QUESTION)
        assert "Settle it with `ragcl models use" in caplog.text
        assert again.status().embedder == str(other_embedder)
        assert again.use_models(embedder=str(other_embedder)).chunks == 0
    with KnowledgeBase.open(full.folder) as settled:
        assert settled.settings.models.embedder == str(other_embedder)
        assert_whole(settled, other_embedder)


def test_settings_that_name_an_embedder_that_was_never_used_are_refused_as_before(
    full: KnowledgeBase, other_embedder: Path
) -> None:
    path = full.folder / "ragcl.toml"
    path.write_text(path.read_text().replace(full.settings.models.embedder, str(other_embedder)))

    with KnowledgeBase.open(full.folder) as kb:
        with pytest.raises(ModelMismatchError, match="models use"):
            kb.search(QUESTION)
        assert kb.use_models(embedder=str(other_embedder)).chunks == 5
        assert_whole(kb, other_embedder)


def test_there_and_back_again_everything_is_as_it_was(
    full: KnowledgeBase, other_embedder: Path
) -> None:
    old = full.settings.models.embedder
    hits = {question: full.search(question) for question in QUESTIONS}
    calibration = full.status().calibration
    config = (full.folder / "ragcl.toml").read_text()

    full.use_models(embedder=str(other_embedder))
    assert full.status().calibration not in (None, calibration)
    full.use_models(embedder=old)

    assert full.status().calibration == calibration
    assert (full.folder / "ragcl.toml").read_text() == config
    for question, expected in hits.items():
        found = full.search(question)
        assert [hit.content_hash for hit in found] == [hit.content_hash for hit in expected]
        np.testing.assert_allclose([h.fused for h in found], [h.fused for h in expected], atol=1e-4)
    assert_whole(full, old)


# --- adapters


@pytest.fixture
def learned(full: KnowledgeBase) -> Iterator[KnowledgeBase]:
    """A knowledge base that has learned some questions."""
    full.ask_many(QUESTIONS)
    assert full.consolidate().status == "promoted"
    return full


def adapters(kb: KnowledgeBase) -> list[str]:
    return [one["id"] for one in kb.status().adapters if one["answers"]]


def test_adapters_answer_only_with_the_embedder_of_their_proofs(
    learned: KnowledgeBase, other_embedder: Path
) -> None:
    old = learned.settings.models.embedder
    [adapter] = adapters(learned)
    assert learned.ask(QUESTION, mode="weights").trace.adapter == adapter

    report = learned.use_models(embedder=str(other_embedder))

    assert (report.retired, report.adapters) == ([adapter], [])
    assert adapters(learned) == []
    assert learned.ask(QUESTION, mode="weights").trace.adapter is None
    back = learned.use_models(embedder=old)
    assert (back.retired, back.adapters) == ([], [adapter])
    assert learned.ask(QUESTION, mode="weights").trace.adapter == adapter


def test_a_round_learns_anew_with_the_new_embedder(
    learned: KnowledgeBase, other_embedder: Path, docs: Path
) -> None:
    [old] = adapters(learned)
    learned.use_models(embedder=str(other_embedder))
    berths = docs / "berths.md"  # so that asks have to be moved to the text of today
    berths.write_text(berths.read_text().replace("11 metres", "12 metres"))
    learned.ingest(docs)

    report = learned.consolidate(if_due=True)

    assert report.status == "promoted"
    [new] = adapters(learned)
    assert new != old
    active = learned.catalog.learning.active()[1][0]
    assert {len(one.vector) for one in (*active.chunks, *active.questions)} == {48}
    assert learned.explain(1, influence=True).sources


def test_an_answer_found_before_the_switch_uses_no_adapter_of_after_it(
    learned: KnowledgeBase, other_embedder: Path
) -> None:
    """There and back between the retrieval and the routing: vectors of different lengths."""
    old = learned.settings.models.embedder
    learned.use_models(embedder=str(other_embedder))
    found = learned._answerer.attempts.found([QUESTION], None, ())
    learned.use_models(embedder=old)

    with learned._answerer.active.taken(None, found[0].retrieval.embedder) as snapshot:
        assert snapshot.adapters.adapters == ()
    with learned._answerer.active.taken() as snapshot:
        assert len(snapshot.adapters.adapters) == 1


def test_adapters_of_another_language_model_do_not_answer(
    learned: KnowledgeBase, other_model: str, caplog: pytest.LogCaptureFixture
) -> None:
    old = learned.settings.models.language_model
    [adapter] = adapters(learned)

    report = learned.use_models(other_model)

    assert (report.done, report.chunks, report.retired, report.adapters) == (True, 0, [adapter], [])
    assert learned.settings.models.language_model == other_model
    assert learned.ask(QUESTION, mode="weights").trace.adapter is None
    assert adapters(learned) == []
    assert not caplog.records  # it is as it should be
    assert learned.use_models(old).adapters == [adapter]
    assert learned.ask(QUESTION, mode="weights").trace.adapter == adapter


# --- what is refused


def test_what_cannot_be_used_is_refused_before_anything_is_done(
    full: KnowledgeBase,
    other_embedder: Path,
    tiny_models: TinyModels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = (full.folder / "ragcl.toml").read_text()
    with pytest.raises(UsageError, match="no model is named"):
        full.use_models()
    with pytest.raises(ModelNotFoundError, match="models pull"):
        full.use_models("nowhere/at-all")
    with pytest.raises(ModelNotFoundError, match="models pull"):
        full.use_models(embedder="nowhere/at-all")
    monkeypatch.setenv("RAGCL_MODELS__EMBEDDER", str(tiny_models.embedder))
    with pytest.raises(UsageError, match="RAGCL_MODELS__EMBEDDER is set"):
        full.use_models(embedder=str(other_embedder))
    monkeypatch.undo()
    with (
        full._locked("models.lock", ""),
        KnowledgeBase.open(full.folder) as other,
        pytest.raises(KnowledgeBaseBusyError, match="changing its models"),
    ):
        other.use_models(embedder=str(other_embedder))
    assert (full.folder / "ragcl.toml").read_text() == config
    assert full.status().migration is None


def test_before_the_first_ingest_only_the_settings_are_written(
    kb: KnowledgeBase, other_embedder: Path, docs: Path
) -> None:
    assert kb.use_models(embedder=str(other_embedder)).chunks == 0
    kb.ingest(docs)
    assert_whole(kb, other_embedder)


def test_prompts_belong_to_the_embedder(full: KnowledgeBase, other_embedder: Path) -> None:
    full.use_models(embedder=str(other_embedder), query_prompt="query: ", document_prompt="text: ")
    models = full.settings.models
    assert (models.query_prompt, models.document_prompt) == ("query: ", "text: ")

    full.use_models(embedder=str(other_embedder))

    with KnowledgeBase.open(full.folder) as again:
        assert again.settings.models.query_prompt is None
        assert_whole(again, other_embedder)
