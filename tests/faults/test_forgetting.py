"""What is forgotten is in no file of the knowledge base, whoever is at work on it meanwhile."""

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import DOCUMENTS, TinyModels, settings_text
from processes import reading
from sqlalchemy import select
from whole_state import assert_index_caught_up

from ragcl import KnowledgeBase
from ragcl.catalog import asks, database, schema
from ragcl.catalog.full_text import searchable
from ragcl.errors import CatalogError, KnowledgeBaseBusyError, UsageError
from ragcl.index import index_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")

SOURCE = "berths.md"
FIRST = DOCUMENTS[SOURCE]
SECOND = FIRST.replace("tankers only", "barges only")  # which nobody asks about
THIRD = FIRST.replace("tankers only", "ferries only")
WORDS = ("tanker", "barges", "ferries", "fishing", "winter", "11 metres", "7 metres")
ASKED = (
    "How deep is the north berth?",
    "What depth has the north berth?",
    "When does the canteen open?",
    "At what hour does the canteen open?",
)
ELSEWHERE = "When does the canteen open?"


def found_in_files(folder: Path, words: Sequence[str]) -> dict[str, list[str]]:
    """The words that stand in a file, or in the full-text index, where they are in other forms."""
    found = {
        word: [
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and word.casefold().encode() in path.read_bytes().lower()
        ]
        for word in words
    }
    connection = sqlite3.connect(f"file:{folder / 'catalog.sqlite'}?mode=ro", uri=True)
    connection.create_function("searchable", 1, searchable)
    connection.execute("CREATE VIRTUAL TABLE temp.v USING fts5vocab(main, 'full_text', 'row')")
    terms = " ".join(term for (term,) in connection.execute("SELECT term FROM temp.v"))
    connection.close()
    for word in words:
        found[word] += ["the full-text index"] if word in terms else []
    return {word: places for word, places in found.items() if places}


@pytest.fixture
def kb(tmp_path: Path, tiny_models: TinyModels, docs: Path) -> Iterator[KnowledgeBase]:
    """One that learned the first version of a document, and was asked no more about the others."""
    folder = tmp_path / "kb"
    folder.mkdir()
    settings = settings_text(tiny_models).replace(
        "[consolidation]", "[consolidation]\nshard_chunks = 1\nmax_chunks = 8"
    )
    (folder / "ragcl.toml").write_text(settings, encoding="utf-8")
    with KnowledgeBase.open(folder) as opened:
        opened.ingest(docs)
        for question in ASKED:
            source = SOURCE if "berth" in question else "canteen.md"
            answer = opened.ask(question, mode="context", source=source)
            opened.feedback(answer.id, rating=1)  # random weights find nothing again
        yield opened


def write(docs: Path, kb: KnowledgeBase, text: str) -> None:
    (docs / SOURCE).write_text(text, encoding="utf-8")
    kb.ingest(docs)


def hashes(kb: KnowledgeBase) -> set[str]:
    return {key for key in kb.catalog.documents.hashes_of(1, SOURCE)}


def learned(kb: KnowledgeBase) -> set[str]:
    with kb.catalog.database.reading() as connection:
        return set(connection.execute(select(schema.adapter_chunks.c.content_hash)).scalars())


def test_no_byte_of_it_is_left_while_another_process_is_at_work(
    kb: KnowledgeBase, docs: Path
) -> None:
    assert kb.consolidate().status == "promoted"
    about = hashes(kb)
    assert learned(kb) & about
    write(docs, kb, SECOND)
    kb.consolidate()  # reads what was asked about the first version in the second
    about |= hashes(kb)
    write(docs, kb, THIRD)
    for correction in ("Ask the fishing boats, in winter.", "half past six"):
        answer = kb.ask(ELSEWHERE, source="canteen.md")
        kb.feedback(answer.id, rating=-1, correction=correction)
    (docs / SOURCE).unlink()
    assert found_in_files(kb.folder, WORDS)

    with reading(kb.folder, ELSEWHERE):
        kb.forget(docs / SOURCE)

        assert found_in_files(kb.folder, WORDS) == {}
    assert found_in_files(kb.folder, WORDS) == {}
    assert not learned(kb) & about
    assert {one.correction for one in kb.catalog.asks.log()} == {None, "half past six"}
    for file in (kb.folder / "rounds").glob("*/report.*"):
        assert SOURCE not in file.read_text("utf-8")
    assert {path.name for path in (kb.folder / "adapters").iterdir()} == {
        *kb.catalog.learning.adapter_ids()
    }
    assert_index_caught_up(kb)
    if kb.catalog.learning.active_key()[0] is not None:
        kb.rollback()
    assert not learned(kb) & about
    kb.consolidate()
    assert found_in_files(kb.folder, WORDS) == {}


def test_pages_that_were_moved_leave_no_copy(kb: KnowledgeBase, docs: Path) -> None:
    """Overwriting what is deleted, which is all that secure_delete does, leaves such copies."""
    for number in range(300):
        words = " ".join(f"w{number}x{i}" for i in range(1 + number * 7 % 90))
        (docs / f"{number}.md").write_text(f"# About {number}\n\nneedle{number:04} {words}\n")
    kb.ingest(docs)
    for number in range(0, 300, 3):
        (docs / f"{number}.md").write_text(f"# About {number}\n\nneedle{number:04}\n")
    kb.ingest(docs)

    kb.forget(docs)

    assert found_in_files(kb.folder, [f"needle{number:04}" for number in range(300)]) == {}


def test_a_reader_that_does_not_end_is_named_and_the_job_is_finished_later(
    docs: Path, kb_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(database, "PURGE_SECONDS", 0)
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        kb.ask(ASKED[0])
        path = docs / SOURCE
        path.unlink()

        with (
            reading(kb.folder, ELSEWHERE, holding=True),
            pytest.raises(KnowledgeBaseBusyError, match=r"being read.*run `ragcl forget .*again"),
        ):
            kb.forget(path)

        assert not any("berth" in hit.text for hit in kb.search(ASKED[0], k=50))
        assert kb.catalog.asks.count() == 0
        assert any("berths.md" in one for one in kb.doctor().problems)
        assert kb.forget(path).documents == 0
        assert found_in_files(kb.folder, WORDS) == {}
        assert kb.doctor().problems == []
        with pytest.raises(UsageError, match="neither a document nor a folder"):
            kb.forget(path)


def test_an_index_that_cannot_be_written_is_not_passed_over(
    docs: Path, kb_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        unfinished = kb.folder / "index" / "vectors.faiss.tmp"
        unfinished.write_bytes(b"vectors of a process that was killed")

        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(index_file, "write", full)
            with pytest.raises(CatalogError, match=r"No space left.*run `ragcl forget .*again"):
                kb.forget(docs / SOURCE)
        kb.forget(docs / SOURCE)

        assert not unfinished.exists()
        assert_index_caught_up(kb)


@pytest.mark.parametrize("stage", ["studying", "training", "verifying"])
def test_a_round_that_is_under_way_promotes_nothing_of_it(
    kb: KnowledgeBase, docs: Path, stage: str
) -> None:
    about = hashes(kb)
    gone = []

    def progress(what: str, _done: int, _total: int) -> None:
        if what == stage and not gone:
            gone.append(True)
            (docs / SOURCE).unlink()
            kb.forget(docs / SOURCE)

    report = kb.consolidate(progress=progress)

    assert gone
    assert (report.status, report.adapter_ids) == ("rejected", [])
    assert "forgotten during the round" in report.reason
    assert kb.status().adapters == []
    assert list((kb.folder / "adapters").iterdir()) == []
    assert found_in_files(kb.folder, WORDS) == {}
    for file in (kb.folder / "rounds").glob("*/report.*"):
        assert SOURCE not in file.read_text("utf-8")
    assert kb.consolidate(if_due=True).status == "promoted"  # the rest
    assert not learned(kb) & about


def test_an_answer_that_is_under_way_is_not_logged_with_it(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = asks.Asks.record

    def late(self: asks.Asks, asked: Any) -> list[int]:
        (docs / SOURCE).unlink()
        kb.forget(docs / SOURCE)
        return record(self, asked)

    monkeypatch.setattr(asks.Asks, "record", late)

    answer = kb.ask("How deep is the north berth, then?")

    assert "deep" in answer.citations[0].text  # it was answered
    assert answer.id == 0
    monkeypatch.undo()
    assert found_in_files(kb.folder, WORDS) == {}


# --- what people asked


WORDING = "Pray what depth hath the north berth?"


def test_no_byte_of_a_question_is_left_while_another_process_is_at_work(
    kb: KnowledgeBase,
) -> None:
    answer = kb.ask(WORDING, mode="context", source=SOURCE)
    kb.feedback(answer.id, rating=1, correction=None)
    assert kb.consolidate().status == "promoted"
    assert found_in_files(kb.folder, [WORDING])
    asked = kb.status().asks
    before = kb.status().adapters

    with reading(kb.folder, ELSEWHERE):
        report = kb.forget_asks([answer.id])

        assert found_in_files(kb.folder, [WORDING, "hath"]) == {}
    assert (report.asks, report.adapters) == (1, 1)
    assert kb.status().asks >= asked - 1
    assert len(kb.status().adapters) == len(before) - 1
    with pytest.raises(UsageError, match=f"no answer {answer.id}"):
        kb.explain(answer.id)
    assert kb.forget_asks([answer.id]).asks == 0  # the purge is done again
    assert kb.consolidate(if_due=True).status == "promoted"  # what others asked about
    assert found_in_files(kb.folder, [WORDING, "hath"]) == {}


def test_a_round_that_is_under_way_learns_no_question_that_is_erased(kb: KnowledgeBase) -> None:
    answer = kb.ask(WORDING, mode="context", source=SOURCE)
    kb.feedback(answer.id, rating=1)

    def progress(what: str, _done: int, _total: int) -> None:
        if what == "verifying":
            kb.forget_asks([answer.id])

    assert kb.consolidate(progress=progress).status == "rejected"

    assert found_in_files(kb.folder, [WORDING, "hath"]) == {}


def test_all_that_was_asked_before_a_day_can_be_erased(kb: KnowledgeBase) -> None:
    asked = kb.status().asks

    assert kb.forget_asks(before="2000-01-01").asks == 0
    assert kb.forget_asks(before="2999-01-01").asks == asked
    assert kb.status().asks == 0


@pytest.mark.parametrize("ids", [[999], [0], []])
def test_an_ask_that_never_was_cannot_be_erased(kb: KnowledgeBase, ids: list[int]) -> None:
    with pytest.raises(UsageError, match=r"never was|nothing is named"):
        kb.forget_asks(ids)


def test_asks_are_kept_as_long_as_a_setting_says(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kb.settings.answering.keep_asks_days is None  # for ever
    assert kb.consolidate().status == "promoted"
    with kb.catalog.database.writing() as connection:
        connection.execute(schema.asks.update().where(schema.asks.c.id <= 2).values(asked_at=1.0))
    kb.ingest(docs)
    assert kb.status().asks == len(ASKED)
    answering = kb.settings.answering.model_copy(update={"keep_asks_days": 365})
    settings = kb.settings.model_copy(update={"answering": answering})
    monkeypatch.setattr(kb, "settings", settings)
    adapters = kb.status().adapters

    kb.ingest(docs)

    assert [one.question for one in kb.catalog.asks.log()] == list(ASKED[2:])
    with kb.catalog.database.reading() as connection:
        kept = set(connection.execute(select(schema.study_rows.c.question)).scalars())
    assert not kept & set(ASKED[:2])
    assert kb.status().adapters == adapters  # until it has cooled


def test_a_file_whose_words_stand_elsewhere_leaves_not_even_its_name(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says is still current, in another file; the log and the reports named it."""
    copies = ("a/copy.md", "last_copy.md", "berths_v0.md")  # the first is the one that is cited
    (docs / "a").mkdir()
    for name in copies:
        (docs / name).write_text(FIRST, encoding="utf-8")
    (docs / copies[2]).write_text(FIRST.replace("11 metres", "9 metres"), encoding="utf-8")
    kb.ingest(docs)
    for question in ASKED[:2]:
        kb.ask(question, mode="context")
        for name in (*copies, SOURCE):
            kb.feedback(kb.ask(question, mode="context", source=name).id, rating=1)
    kb.consolidate()
    words = ("a/copy.md", "last_copy", "berths_v0")
    found = found_in_files(kb.folder, words)
    assert set(found) == set(words)
    assert "report.md" in str(found["a/copy.md"])
    record = asks.Asks.record

    def late(self: asks.Asks, answered: Any) -> list[int]:
        kb.forget("a")
        kb.forget(docs / copies[1])
        return record(self, answered)

    monkeypatch.setattr(asks.Asks, "record", late)
    answer = kb.ask(ASKED[0], mode="context", source=copies[0])
    assert answer.citations[0].source == copies[0]  # it was answered
    monkeypatch.undo()
    assert found_in_files(kb.folder, words[:2]) == {}
    kb.forget(docs / copies[2])

    assert found_in_files(kb.folder, words) == {}
    assert answer.id in {one.id for one in kb.catalog.asks.log()}
    explained = kb.explain(answer.id)
    assert {one["source"] for one in explained.sources if one["current"]} <= set(DOCUMENTS)
    kb.forget(docs / SOURCE)
    assert found_in_files(kb.folder, WORDS) == {}
