"""The public contract of the one object a user holds."""

import dataclasses
import hashlib
import json
import logging
import os
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import TinyModels
from filelock import FileLock

import ragcl
from ragcl import KnowledgeBase, Settings, knowledge_base
from ragcl.catalog.full_text import searchable
from ragcl.errors import (
    CatalogError,
    FolderUnavailableError,
    KnowledgeBaseBusyError,
    ModelNotFoundError,
    SettingsError,
    UsageError,
)
from ragcl.generation.language_model import LanguageModel
from ragcl.progress import Lines
from ragcl.results import Answer, to_dict
from ragcl.search.embedder import Embedder
from ragcl.search.retriever import Retriever

QUESTION = "How deep is the north berth?"
NAMES = ["berths.md", "canteen.md", "pilots.txt", "tariff.csv"]


@pytest.fixture
def full(kb: KnowledgeBase, docs: Path) -> KnowledgeBase:
    """A knowledge base that holds the four documents."""
    kb.ingest(docs)
    return kb


def texts(kb: KnowledgeBase) -> set[str]:
    return {hit.text for hit in kb.search(QUESTION, k=100)}


# --- opening


def test_what_is_no_public_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ragcl.nothing


def test_a_knowledge_base_is_made_on_first_use(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path / "new" / "kb") as kb:
        status = kb.status()

    assert (tmp_path / "new" / "kb" / "catalog.sqlite").is_file()
    assert (status.documents, status.chunks, status.asks, status.rounds) == (0, 0, 0, 0)
    assert status.roots == status.adapters == []
    assert status.last_round is None


def test_a_file_cannot_be_a_knowledge_base(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(UsageError, match="cannot be a knowledge base"):
        KnowledgeBase.open(tmp_path / "file")


def test_looking_needs_no_model(kb_folder: Path, docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
    config = kb_folder / "ragcl.toml"
    lines = [
        'embedder = "/nowhere/a"' if line.startswith("embedder") else line
        for line in config.read_text().splitlines()
    ]
    config.write_text("\n".join(lines))

    with KnowledgeBase.open(kb_folder) as kb:
        assert kb.status().documents == 4
        with pytest.raises(ModelNotFoundError, match=r"models\.embedder = '/nowhere/a'"):
            kb.ask(QUESTION)


# --- documents


def test_an_ingest_says_what_it_did(kb: KnowledgeBase, docs: Path) -> None:
    first = kb.ingest(docs)
    (docs / "berths.md").write_text("# Berths\n\nThe north berth is 12 metres deep.\n")
    (docs / "canteen.md").unlink()
    (docs / "new.md").write_text("# New\n\nThe crane lifts 40 tons.\n")
    (docs / "torn.pdf").write_bytes(b"%PDF-1.4 torn")
    second = kb.ingest(docs)

    assert first.added == NAMES
    assert first.chunks_added == 5
    assert second.added == ["new.md"]
    assert second.updated == ["berths.md"]
    assert second.unchanged == ["pilots.txt", "tariff.csv"]
    assert second.deleted == ["canteen.md"]
    assert [one.path for one in second.failed] == ["torn.pdf"]
    assert (second.chunks_added, second.chunks_removed) == (2, 3)
    assert second.root == str(docs.resolve())


def test_long_work_logs_how_far_it_is(
    kb: KnowledgeBase,
    docs: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO, "ragcl")
    monkeypatch.setattr(knowledge_base, "Lines", partial(Lines, after=0))

    kb.ingest(docs)
    kb.ask_many(["How deep is the north berth?"])

    assert "reading 0 of 4" in caplog.messages
    assert "answering 1 of 1" in caplog.messages


def test_an_ingest_of_nothing_new_changes_nothing(full: KnowledgeBase, docs: Path) -> None:
    before = texts(full)

    report = full.ingest(docs)

    assert report.unchanged == NAMES
    assert (report.chunks_added, report.chunks_removed) == (0, 0)
    assert texts(full) == before


def test_a_file_that_fails_keeps_its_old_version_and_is_tried_again(
    full: KnowledgeBase, docs: Path
) -> None:
    path = docs / "tariff.csv"
    good = path.read_text()
    path.write_bytes(b"\x00\x01\x02" * 50)

    report = full.ingest(docs)

    assert [one.path for one in report.failed] == ["tariff.csv"]
    assert any("14 crowns" in text for text in texts(full))
    assert [one.path for one in full.status().failed] == [str(path.resolve())]
    path.write_text(good.replace("14", "15"))
    assert full.ingest(docs).updated == ["tariff.csv"]
    assert full.status().failed == []
    assert not any("14 crowns" in text for text in texts(full))


def test_a_file_with_more_text_than_is_set_is_reported(kb_folder: Path, docs: Path) -> None:
    with (kb_folder / "ragcl.toml").open("a") as config:
        config.write("\n[ingest]\nmax_file_chars = 1000\n")
    (docs / "endless.txt").write_text("tide " * 201)

    with KnowledgeBase.open(kb_folder) as kb:
        report = kb.ingest(docs)

    assert report.added == NAMES
    [failure] = report.failed
    assert failure.path == "endless.txt"
    assert "the limit is 1,000" in failure.reason


def test_several_folders_are_several_roots(full: KnowledgeBase, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "berths.md").write_text("# Berths\n\nThe west berth is 3 metres deep.\n")

    full.ingest(other)
    assert full.status().documents == 5
    (other / "berths.md").unlink()
    report = full.ingest(other)

    assert report.deleted == ["berths.md"]
    assert full.status().documents == 4
    assert len(full.status().roots) == 2


def test_the_knowledge_base_does_not_read_itself(kb_folder: Path, docs: Path) -> None:
    inside = docs / "kb"
    shutil.copytree(kb_folder, inside)
    (inside / "rounds").mkdir()
    (inside / "rounds" / "report.md").write_text("# Round\n\nSecret figures.\n")
    with KnowledgeBase.open(inside) as kb:
        assert kb.ingest(docs).added == NAMES


def test_no_such_folder(kb: KnowledgeBase, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot ingest") as raised:
        kb.ingest(tmp_path / "nowhere")
    assert not isinstance(raised.value, FolderUnavailableError)  # it was never there
    assert kb.status().roots == []


def test_a_folder_that_was_emptied_can_be_refused(full: KnowledgeBase, docs: Path) -> None:
    for path in docs.iterdir():
        path.unlink()

    with pytest.raises(FolderUnavailableError, match="is empty, but 4 documents came from it"):
        full.ingest(docs, allow_empty=False)
    assert full.status().documents == 4
    assert full.ingest(docs).deleted == NAMES
    assert full.ingest(docs, allow_empty=False).deleted == []


def test_a_folder_that_is_gone_keeps_its_documents(full: KnowledgeBase, docs: Path) -> None:
    shutil.rmtree(docs)

    with pytest.raises(FolderUnavailableError, match="there is no folder"):
        full.ingest(docs)
    assert full.status().documents == 4


def test_only_one_process_changes_a_knowledge_base(kb: KnowledgeBase, docs: Path) -> None:
    with FileLock(kb.folder / "write.lock"):
        for change in (lambda: kb.ingest(docs), lambda: kb.forget("a"), kb.doctor):
            with pytest.raises(KnowledgeBaseBusyError, match=r"is busy.*try again"):
                change()
    assert kb.ingest(docs).added == NAMES


# --- forgetting


def test_a_forgotten_document_is_gone_with_its_traces(full: KnowledgeBase, docs: Path) -> None:
    full.ask(QUESTION)
    (docs / "berths.md").unlink()

    report = full.forget("berths.md")

    assert (report.source, report.chunks_removed) == ("berths.md", 2)
    assert (report.in_weights, report.on_disk) == (0, False)
    assert not any("berth" in text for text in texts(full))
    connection = sqlite3.connect(full.folder / "catalog.sqlite")
    connection.create_function("searchable", 1, searchable)
    assert "north berth" not in "\n".join(connection.iterdump())
    connection.close()
    full.close()  # which empties the write-ahead log
    assert b"north" not in (full.folder / "catalog.sqlite").read_bytes()


def test_where_the_text_of_a_forgotten_document_stays_is_reported(
    full: KnowledgeBase, docs: Path
) -> None:
    (docs / "copy.md").write_bytes((docs / "berths.md").read_bytes())
    full.ingest(docs)

    report = full.forget("berths.md")

    assert (report.chunks_removed, report.elsewhere) == (0, ("copy.md",))
    assert str(report).endswith("some of its text stays in copy.md")
    assert full.forget("copy.md").elsewhere == ()


def test_what_is_still_in_its_folder_is_reported(full: KnowledgeBase, docs: Path) -> None:
    assert full.forget(docs / "berths.md").on_disk
    assert full.ingest(docs).added == ["berths.md"]


def test_a_document_that_was_deleted_first_can_still_be_forgotten(
    full: KnowledgeBase, docs: Path
) -> None:
    full.ask(QUESTION)
    (docs / "berths.md").unlink()
    full.ingest(docs)

    report = full.forget(docs / "berths.md")

    assert report.source == "berths.md"
    assert full.status().asks == 0


def test_text_that_another_document_holds_too_is_kept(full: KnowledgeBase, docs: Path) -> None:
    shutil.copy(docs / "berths.md", docs / "copy.md")
    full.ingest(docs)

    assert full.forget("copy.md").chunks_removed == 0
    assert any("11 metres" in text for text in texts(full))


def test_an_unknown_document_cannot_be_forgotten(full: KnowledgeBase) -> None:
    with pytest.raises(UsageError, match=r"nothing\.md is neither a document nor a folder"):
        full.forget("nothing.md")


def test_an_ambiguous_name_asks_for_the_full_path(full: KnowledgeBase, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "berths.md").write_text("# Berths\n\nThe west berth is 3 metres deep.\n")
    full.ingest(other)

    with pytest.raises(UsageError, match="names 2 documents: give the full path"):
        full.forget("berths.md")
    assert full.forget(other / "berths.md").chunks_removed == 1


# --- questions


def test_search_leaves_no_trace(full: KnowledgeBase) -> None:
    full.search(QUESTION)

    assert full.status().asks == 0


@pytest.mark.parametrize(("question", "k"), [("", 5), ("  ", 5), (QUESTION, 0), ("x" * 5000, 5)])
def test_a_search_for_nothing_is_refused(full: KnowledgeBase, question: str, k: int) -> None:
    with pytest.raises(UsageError):
        full.search(question, k)


def test_feedback_is_kept_with_the_answer(full: KnowledgeBase) -> None:
    answer = full.ask(QUESTION)

    full.feedback(answer.id, rating=-1, correction="12 metres")

    explanation = full.explain(answer.id)
    assert explanation.ratings == [-1]
    assert explanation.correction == "12 metres"


@pytest.mark.parametrize("rating", [-2, 2, 5])
def test_a_rating_is_minus_one_nought_or_one(full: KnowledgeBase, rating: int) -> None:
    answer = full.ask(QUESTION)

    with pytest.raises(UsageError, match="is not -1, 0 or 1"):
        full.feedback(answer.id, rating)


def test_there_is_nothing_to_say_of_an_answer_that_was_not_logged(full: KnowledgeBase) -> None:
    for verb in (lambda: full.feedback(7, 1), lambda: full.explain(7)):
        with pytest.raises(UsageError, match="there is no answer 7"):
            verb()


def test_every_answer_can_be_explained_and_says_what_has_become_of_its_sources(
    full: KnowledgeBase, docs: Path
) -> None:
    answer = full.ask(QUESTION)

    explanation = full.explain(answer.id)

    assert (explanation.question, explanation.answer) == (QUESTION, answer.text)
    assert explanation.route == answer.route
    assert explanation.reason == answer.trace["reason"]
    first = explanation.sources[0]
    assert (first["source"], first["lines"], first["rank"]) == ("berths.md", [5, 5], 0)
    assert all(source["current"] for source in explanation.sources)
    assert sum(source["cited"] for source in explanation.sources) == len(answer.citations)
    (docs / "berths.md").unlink()
    full.ingest(docs)
    assert full.explain(answer.id).sources[0]["current"] is False


def test_everything_that_comes_back_is_json(full: KnowledgeBase, docs: Path) -> None:
    answer = full.ask(QUESTION)
    results = [
        full.ingest(docs),
        answer,
        full.explain(answer.id),
        full.status(),
        full.doctor(),
        full.consolidate(if_due=True),
        *full.search(QUESTION),
    ]
    for result in results:
        assert json.loads(json.dumps(to_dict(result)))


def test_an_evaluation_scores_a_file_and_leaves_no_trace(
    full: KnowledgeBase, tmp_path: Path
) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(
        json.dumps({"question": "Zyx wvu?", "answers": []})
        + "\n"
        + json.dumps({"question": QUESTION, "answers": [full.ask(QUESTION, record=False).text]})
    )

    report = full.evaluate(path)

    assert (report.questions, report.accuracy, report.exact_match) == (2, 1.0, 1.0)
    assert report.routes == {"none": 1, "context": 1}
    assert full.status().asks == 0


def test_evaluations_are_remembered_with_the_round_whose_adapters_answered(
    full: KnowledgeBase, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    one.write_text(json.dumps({"question": QUESTION, "answers": ["x"]}))
    other.write_text(json.dumps({"question": "Zyx wvu?", "answers": []}))
    full.evaluate(one)
    full.evaluate(other, mode="context")
    full.ask_many([QUESTION, "When does the canteen open?"])
    learned = full.consolidate()
    report = full.evaluate(one)

    found = full.evaluations()

    assert [(row.file, row.round_id, row.mode) for row in found] == [
        ("one.jsonl", None, "auto"),
        ("one.jsonl", learned.round_id, "auto"),
        ("other.jsonl", None, "context"),
    ]
    assert (found[0].adapter_set, found[1].adapter_set) == (
        None,
        full.catalog.learning.active_key()[0],
    )
    now = found[1]
    assert now.sha256 == hashlib.sha256(one.read_bytes()).hexdigest()
    for name in ("questions", "accuracy", "exact_match", "f1", "abstained", "mean_prompt_tokens"):
        assert getattr(now, name) == getattr(report, name)
    assert now.from_weights == report.routes.get("weights", 0) / report.questions


def test_the_evaluations_of_one_file_are_found_by_its_name_and_by_what_it_holds(
    full: KnowledgeBase, tmp_path: Path
) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps({"question": "Zyx wvu?", "answers": []}))
    full.evaluate(path)
    moved = Path(shutil.copy(path, tmp_path / "moved.jsonl"))
    path.write_text(json.dumps({"question": "Xyz wvu?", "answers": []}))
    full.evaluate(path)

    assert [row.file for row in full.evaluations(moved)] == ["one.jsonl"]
    assert len({row.sha256 for row in full.evaluations(path)}) == 2
    assert full.evaluations(tmp_path / "unknown.jsonl") == []


def test_an_evaluation_that_cannot_be_kept_is_still_given(
    full: KnowledgeBase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(_: object) -> None:
        raise KnowledgeBaseBusyError("another process is writing")

    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps({"question": "Zyx wvu?", "answers": []}))
    monkeypatch.setattr(full.catalog.evaluations, "add", fails)

    assert full.evaluate(path).accuracy == 1.0
    assert "could not be kept: another process is writing" in caplog.text


# --- looking after it


def test_a_sound_knowledge_base_has_no_problems(full: KnowledgeBase) -> None:
    report = full.doctor()

    assert (report.problems, report.repaired) == ([], False)


def test_a_lost_index_is_made_again(full: KnowledgeBase) -> None:
    before = texts(full)
    (full.folder / "index" / "vectors.faiss").unlink()

    looked = full.doctor(repair=False)
    mended = full.doctor()

    assert looked.problems == mended.problems == ["the vector index has no file"]
    assert (looked.repaired, mended.repaired) == (False, True)
    assert full.doctor().problems == []
    assert texts(full) == before


def test_a_full_text_index_that_missed_something_is_made_again(full: KnowledgeBase) -> None:
    with full.catalog.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM full_text_data WHERE id > 10")

    looked = full.doctor(repair=False)
    mended = full.doctor()

    assert looked.problems == mended.problems == ["the full-text index disagrees with the catalog"]
    assert (looked.repaired, mended.repaired) == (False, True)
    assert full.doctor().problems == []
    assert full.search(QUESTION)[0].lexical > 0


def test_what_could_not_be_mended_is_said(
    full: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    (full.folder / "index" / "vectors.faiss").unlink()

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "disk full")))
        report = full.doctor()

    assert report.remaining == report.problems == ["the vector index has no file"]
    assert not report.repaired
    assert full.doctor().repaired


@pytest.mark.parametrize("role", ["embedder", "language_model"])
def test_a_model_that_is_gone_is_a_problem_that_remains(
    role: str, full: KnowledgeBase, kb_folder: Path, tiny_models: TinyModels
) -> None:
    config = kb_folder / "ragcl.toml"
    here = getattr(tiny_models, role).as_posix()
    config.write_text(config.read_text().replace(here, "/nowhere/at/all"))

    with KnowledgeBase.open(kb_folder) as kb:
        report = kb.doctor()

    [problem] = report.remaining
    assert f"models.{role} = '/nowhere/at/all'" in problem


def test_another_embedder_than_that_of_the_vectors_is_a_problem_that_remains(
    full: KnowledgeBase, kb_folder: Path, tiny_models: TinyModels, tmp_path: Path
) -> None:
    other = shutil.copytree(tiny_models.embedder, tmp_path / "other-embedder")
    config = kb_folder / "ragcl.toml"
    config.write_text(config.read_text().replace(tiny_models.embedder.as_posix(), other.as_posix()))

    with KnowledgeBase.open(kb_folder) as kb:
        [problem] = kb.doctor().remaining

    assert "holds vectors of tiny-embedder" in problem
    assert "other-embedder" in problem


def test_a_lost_catalog_is_not_all_well(full: KnowledgeBase, docs: Path) -> None:
    full.close()
    (full.folder / "catalog.sqlite").unlink()

    with KnowledgeBase.open(full.folder) as kb:
        [problem] = kb.doctor().remaining
        assert "restore catalog.sqlite from a copy" in problem
        kb.ingest(docs)
        assert kb.doctor().problems == []
        assert kb.search(QUESTION)[0].source == "berths.md"


def test_a_damaged_catalog_says_what_to_do(full: KnowledgeBase) -> None:
    full.close()
    path = full.folder / "catalog.sqlite"
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 12] = b"\xff" * (4096 * 11)
    path.write_bytes(content)

    with pytest.raises(CatalogError, match="Restore"), KnowledgeBase.open(full.folder) as kb:
        kb.doctor()


# --- threads


def test_several_threads_may_ask_and_ingest_at_once(full: KnowledgeBase, docs: Path) -> None:
    expected = full.ask(QUESTION, mode="context").text
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            answers.extend(full.ask(QUESTION, mode="context") for _ in range(3))
        except BaseException as error:
            errors.append(error)

    def ingest() -> None:
        try:
            for number in range(3):
                (docs / "busy.md").write_text(f"# Busy\n\nTurn number {number} of the wheel.\n")
                full.ingest(docs)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for work in (ask, ask, ingest, ask)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert {answer.text for answer in answers} == {expected}
    assert len({answer.id for answer in answers}) == 9
    assert any("number 2" in text for text in texts(full))


def test_results_are_frozen(full: KnowledgeBase) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        full.ask(QUESTION).text = "other"  # type: ignore[misc]


def test_one_that_was_closed_says_so(kb_folder: Path, docs: Path) -> None:
    kb = KnowledgeBase.open(kb_folder)
    kb.ingest(docs)
    kb.ask(QUESTION)
    stream = kb.ask(QUESTION, stream=True)
    kb.close()
    kb.close()  # nothing to do

    for verb in (
        lambda: kb.ask(QUESTION),
        lambda: kb.ask_many([QUESTION]),
        lambda: list(stream),
        lambda: kb.search(QUESTION),
        lambda: kb.ingest(docs),
        lambda: kb.forget("berths.md"),
        lambda: kb.feedback(1, 1),
        lambda: kb.explain(1),
        lambda: kb.consolidate(),
        lambda: kb.rollback(),
        lambda: kb.status(),
        lambda: kb.doctor(),
        lambda: kb.evaluations(),
    ):
        with pytest.raises(UsageError, match=r"kb is closed: open it again"):
            verb()


def test_several_threads_that_ask_first_load_each_model_once(
    kb_folder: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
    made: list[str] = []
    for kind in (Embedder, LanguageModel, Retriever):
        before = kind.__init__

        def counted(self: Any, *args: Any, before: Any = before, **how: Any) -> None:
            made.append(type(self).__name__)
            before(self, *args, **how)

        monkeypatch.setattr(kind, "__init__", counted)
    with KnowledgeBase.open(kb_folder) as kb, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(kb.ask, [QUESTION] * 4))

    assert len({one.text for one in answers}) == 1
    assert sorted(made) == ["Embedder", "LanguageModel", "Retriever"]


def test_settings_that_are_given_take_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "ragcl.toml").write_text("[answering]\npassages = 3\ncontext_tokens = 100\n")

    with KnowledgeBase.open(tmp_path, settings=Settings(answering={"passages": 2})) as kb:
        assert kb.settings.answering.passages == 2
        assert kb.settings.answering.context_tokens == 900
    with KnowledgeBase.open(tmp_path, settings={"answering": {"passages": 1}}) as kb:
        assert kb.settings.answering.passages == 1
    with pytest.raises(SettingsError, match=r"^settings: unknown setting 'answering\.pasages'"):
        KnowledgeBase.open(tmp_path, settings={"answering": {"pasages": 1}})
    with KnowledgeBase.open(tmp_path) as kb:
        assert kb.settings.answering.passages == 3
