"""Whatever is wrong: one line that names it and says what to do, an exit code, and nothing lost."""

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import docx
import pytest
from conftest import DOCUMENTS, QUESTIONS
from filelock import FileLock
from processes import KillAt, Order, Ran, paused, ragcl
from whole_state import (
    INDEX,
    assert_index_caught_up,
    assert_same,
    documents,
    files,
    searches,
)

from ragcl import KnowledgeBase
from ragcl.errors import (
    CatalogError,
    KnowledgeBaseBusyError,
    SettingsError,
    UsageError,
)
from ragcl.generation.prompts import ABSTENTION
from ragcl.index.vector_index import VectorIndex

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")

NORTH, CANTEEN = QUESTIONS[0], QUESTIONS[2]


@pytest.fixture
def filled(kb_folder: Path, docs: Path) -> Path:
    """A knowledge base that holds the documents; nothing has it open."""
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
    return kb_folder


def assert_one_line(ran: Ran, exit_code: int, *said: str) -> None:
    """It failed with this code and one line on standard error that says all this."""
    assert ran.exit_code == exit_code, ran
    assert ran.out == ""
    [line] = ran.err.splitlines()
    assert line.startswith("ragcl: ")
    for words in said:
        assert words in line


def state(folder: Path) -> object:
    with KnowledgeBase.open(folder) as kb:
        return documents(kb), searches(kb, (NORTH,))


# Folders and files


def test_a_folder_that_does_not_exist(filled: Path, tmp_path: Path) -> None:
    before = state(filled)
    ran = ragcl(filled, "ingest", str(tmp_path / "nowhere"))
    assert_one_line(ran, 2, "there is no folder", str(tmp_path / "nowhere"), "Check the path")
    with KnowledgeBase.open(filled) as kb, pytest.raises(UsageError, match="nowhere"):
        kb.ingest(tmp_path / "nowhere")
    assert state(filled) == before


def test_a_file_in_place_of_a_folder(filled: Path, docs: Path) -> None:
    ran = ragcl(filled, "ingest", str(docs / "berths.md"))
    assert_one_line(ran, 2, "berths.md is a file", "give the folder")


@pytest.mark.parametrize(
    "call",
    [
        lambda kb: kb.ingest(""),
        lambda kb: kb.ingest("a\0b"),
        lambda kb: kb.ingest("a\ud800"),
        lambda kb: kb.forget(""),
        lambda kb: kb.forget("a\0b"),
        lambda kb: kb.forget("a\udcff"),
        lambda kb: kb.search("berth", source="*\ud800"),
        lambda kb: kb.ask("berth", source="*\ud800"),
        lambda kb: kb.search("berth", where={"author": "\udc80"}),
        lambda kb: kb.feedback(1, rating=1, correction="half \ud83d"),
        lambda kb: kb.feedback(2**70, rating=1),
        lambda kb: kb.explain(2**70),
        lambda kb: kb.explain(-(2**70)),
        lambda kb: kb.forget_asks([2**70]),
    ],
)
def test_what_no_database_holds_is_refused(filled: Path, call: Any) -> None:
    with KnowledgeBase.open(filled) as kb:
        kb.ask("How deep is the north berth?")

        with pytest.raises(UsageError, match=r"half of a character|is no path|no answer"):
            call(kb)

        assert kb.search("berth", k=10**30)


def test_an_empty_folder(filled: Path, tmp_path: Path) -> None:
    before = state(filled)
    (tmp_path / "empty").mkdir()
    ran = ragcl(filled, "ingest", str(tmp_path / "empty"))
    assert ran.exit_code == 0
    assert "holds no file that ragcl reads" in ran.err
    assert state(filled) == before


def test_a_file_that_lies_about_its_type(kb_folder: Path, docs: Path) -> None:
    (docs / "letter.docx").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    (docs / "rules.pdf").write_text("no PDF at all", encoding="utf-8")
    ran = ragcl(kb_folder, "ingest", str(docs))
    assert ran.exit_code == 1
    assert "4 added" in ran.out
    assert "2 failed" in ran.out
    failed = [line.strip() for line in ran.err.splitlines()]
    assert [line.split(":")[0] for line in failed] == ["failed letter.docx", "failed rules.pdf"]
    assert all(len(line.split(": ", 1)[1]) > 10 for line in failed)

    status = json.loads(ragcl(kb_folder, "status", "--json").out)
    assert status["documents"] == 4
    assert [Path(one["path"]).name for one in status["failed"]] == ["letter.docx", "rules.pdf"]
    with KnowledgeBase.open(kb_folder) as kb:
        assert kb.search(NORTH)[0].source == "berths.md"
        (docs / "letter.docx").unlink()
        (docs / "rules.pdf").unlink()
        assert kb.ingest(docs).failed == []
        assert kb.status().failed == []


def test_a_file_that_breaks_keeps_its_old_version(filled: Path, docs: Path) -> None:
    rules = docx.Document()
    rules.add_paragraph("A hard hat is worn on the north berth.")
    rules.save(str(docs / "rules.docx"))
    assert ragcl(filled, "ingest", str(docs)).exit_code == 0
    before = state(filled)
    os.truncate(docs / "rules.docx", (docs / "rules.docx").stat().st_size // 2)
    ran = ragcl(filled, "ingest", str(docs))
    assert ran.exit_code == 1
    assert "failed rules.docx: " in ran.err
    assert state(filled) == before
    with KnowledgeBase.open(filled) as kb:
        assert kb.status().failed[0].path == str(docs / "rules.docx")
        assert {hit.source for hit in kb.search("hard hat", k=100)} >= {"rules.docx"}
        assert kb.ingest(docs).failed[0].path == "rules.docx"


def test_a_knowledge_base_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert_one_line(ragcl(tmp_path / "file", "status"), 2, "cannot be a knowledge base", "Name")
    assert (tmp_path / "file").read_text() == "mine"


# Questions


@pytest.mark.parametrize("verb", ["ask", "search"])
@pytest.mark.parametrize(
    ("question", "said"),
    [("", "is empty"), (" \n", "is empty"), ("deep " * 20_000, "has 100,000 characters")],
)
def test_a_question_of_no_or_a_hundred_thousand_characters(
    verb: str, question: str, said: str, filled: Path
) -> None:
    assert_one_line(ragcl(filled, verb, question), 2, "the question", said)
    with KnowledgeBase.open(filled) as kb:
        with pytest.raises(UsageError, match=said):
            getattr(kb, verb)(question)
        assert kb.status().asks == 0


# The index


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


def restamp(path: Path, **changes: object) -> None:
    """Another stamp on the same vectors, sealed as if it were the truth."""
    index = VectorIndex.load(path)
    index.stamp = replace(index.stamp, **changes)
    index.save(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "without its last byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "zero length": lambda path: os.truncate(path, 0),
    "a flipped byte in the magic": lambda path: flip(path, 2),
    "a flipped byte in the checksum": lambda path: flip(path, 12),
    "a flipped byte in the stamp": lambda path: flip(path, path.read_bytes().find(b"generation")),
    "a flipped byte in the vectors": lambda path: flip(path, path.stat().st_size // 2),
    "random bytes": lambda path: path.write_bytes(random.Random(1).randbytes(5000)),
    "text": lambda path: path.write_text("{}"),
    "gone": lambda path: path.unlink(),
    "from the future": lambda path: restamp(path, generation=10_000),
    "another model": lambda path: restamp(path, model="another"),
    "another dimension": lambda path: restamp(path, dimension=7),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_made_again(damage: str, filled: Path, docs: Path) -> None:
    with KnowledgeBase.open(filled) as kb:
        expected = searches(kb, QUESTIONS)
    DAMAGES[damage](filled / INDEX)
    with KnowledgeBase.open(filled) as kb:
        assert len(kb.doctor(repair=False).problems) == 1
        assert searches(kb, QUESTIONS) == expected
        assert_index_caught_up(kb)
        assert kb.doctor(repair=False).problems == []

    DAMAGES[damage](filled / INDEX)
    with KnowledgeBase.open(filled) as kb:
        assert kb.doctor().repaired
        assert_index_caught_up(kb)

    DAMAGES[damage](filled / INDEX)
    (docs / "berths.md").write_text("# Berths\n\nThe north berth is 12 metres deep.\n")
    with KnowledgeBase.open(filled) as kb:
        kb.ingest(docs)
        assert_index_caught_up(kb)
        assert "12 metres" in kb.search(NORTH)[0].text


def test_the_user_is_told_of_a_damaged_index(filled: Path) -> None:
    os.truncate(filled / INDEX, 100)
    ran = ragcl(filled, "search", NORTH, "--json")
    assert ran.exit_code == 0
    assert json.loads(ran.out)[0]["source"] == "berths.md"
    [line] = ran.err.splitlines()
    assert str(filled / INDEX) in line
    assert "built again" in line
    assert ragcl(filled, "search", NORTH).err == ""


def test_an_index_of_an_earlier_generation_is_caught_up(filled: Path, docs: Path) -> None:
    earlier = (filled / INDEX).read_bytes()
    (docs / "canteen.md").unlink()
    (docs / "berths.md").write_text("# Berths\n\nThe north berth is 12 metres deep.\n")
    with KnowledgeBase.open(filled) as kb:
        kb.ingest(docs)
        expected = searches(kb, QUESTIONS)
    (filled / INDEX).write_bytes(earlier)
    with KnowledgeBase.open(filled) as kb:
        assert searches(kb, QUESTIONS) == expected
        kb.ingest(docs)
        assert_index_caught_up(kb)


def test_an_index_of_other_vectors_is_found_by_the_doctor(filled: Path) -> None:
    path = filled / INDEX
    index = VectorIndex.load(path)
    ids, vectors = index.entries()
    wrong = VectorIndex(index.stamp)
    wrong.update(ids, vectors[::-1].copy(), ids[:0], index.stamp.generation)
    wrong.save(path)
    with KnowledgeBase.open(filled) as kb:
        assert kb.doctor().problems == ["the vector index disagrees with the catalog"]
        assert_index_caught_up(kb)


# Settings and models


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("\n[answering]\npasages = 3\n", "unknown setting 'answering.pasages'"),
        ("\n[answering]\npassages = 0\n", "'answering.passages' = 0"),
        ("\n[ingest]\nchunk_tokens = 'many'\n", "'ingest.chunk_tokens' = 'many'"),
        ("\n[answering\npassages = 3\n", "is not valid TOML"),
    ],
)
def test_settings_that_are_wrong(line: str, said: str, filled: Path) -> None:
    path = filled / "ragcl.toml"
    right = path.read_text()
    before = state(filled)
    path.write_text(right.replace("[answering]\nmax_new_tokens = 8\n", "") + line)
    for verb in (["status"], ["search", NORTH]):
        assert_one_line(ragcl(filled, *verb), 3, str(path), said, "remove")
    with pytest.raises(SettingsError):
        KnowledgeBase.open(filled)
    path.write_text(right)
    assert state(filled) == before


def test_an_environment_variable_that_is_wrong(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("RAGCL_ANSWERING__PASSAGES", "few"), ("RAGCL_ANSWERING", "few")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(SettingsError, match="answering"):
                KnowledgeBase.open(filled)


@pytest.mark.parametrize("role", ["embedder", "language_model"])
@pytest.mark.parametrize("name", ["/no/such/folder", "nobody/has-this-model"])
def test_a_model_that_is_not_there(role: str, name: str, filled: Path) -> None:
    before = state(filled)
    path = filled / "ragcl.toml"
    right = path.read_text()
    lines = [f'{role} = "{name}"' if row.startswith(role) else row for row in right.splitlines()]
    path.write_text("\n".join(lines))
    assert_one_line(ragcl(filled, "ask", NORTH), 3, name)
    assert ragcl(filled, "status").exit_code == 0
    if role == "embedder":
        assert_one_line(ragcl(filled, "search", NORTH), 3, name)
    else:
        assert ragcl(filled, "search", NORTH).exit_code == 0
    path.write_text(right)
    assert state(filled) == before


def test_a_document_is_forgotten_without_any_model(filled: Path) -> None:
    path = filled / "ragcl.toml"
    right = path.read_text()
    path.write_text(
        re.sub(r"(?m)^(embedder|language_model) = .*", r'\1 = "/no/such/folder"', right)
    )
    with KnowledgeBase.open(filled) as kb:
        assert kb.forget("berths.md").chunks_removed == 2
    path.write_text(right)

    with KnowledgeBase.open(filled) as kb:
        assert all(hit.source != "berths.md" for hit in kb.search(NORTH, k=9))
        assert kb.doctor().problems == []


# The catalog


def test_a_catalog_from_a_newer_version(filled: Path) -> None:
    path = filled / "catalog.sqlite"
    with KnowledgeBase.open(filled) as kb, kb.catalog.database.writing() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 99")
    before = files(filled)
    assert_one_line(ragcl(filled, "status"), 3, str(path), "version 99", "Upgrade ragcl")
    with pytest.raises(CatalogError, match="version 99"):
        KnowledgeBase.open(filled)
    assert files(filled) == before


@pytest.mark.parametrize("damage", ["garbage", "truncated", "another database"])
def test_a_catalog_that_is_none(damage: str, filled: Path) -> None:
    path = filled / "catalog.sqlite"
    if damage == "garbage":
        path.write_bytes(random.Random(2).randbytes(30_000))
    elif damage == "truncated":
        os.truncate(path, path.stat().st_size // 3)
    else:
        path.unlink()
        with KnowledgeBase.open(filled) as kb, kb.catalog.database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE state")
    before = path.read_bytes()
    assert_one_line(ragcl(filled, "search", NORTH), 3, str(path), "damaged", "Restore it")
    assert path.read_bytes() == before


def test_a_catalog_torn_between_two_states(filled: Path, docs: Path) -> None:
    """As a copy is whose pages were read while they were written: SQLite finds much to say."""
    path = filled / "catalog.sqlite"
    before = path.read_bytes()
    more_documents(docs)
    with KnowledgeBase.open(filled) as kb:
        kb.ingest(docs)
    torn = bytearray(path.read_bytes())
    for start in range(4096, len(before), 3 * 4096):
        torn[start : start + 4096] = before[start : start + 4096]
    path.write_bytes(torn)
    assert_one_line(ragcl(filled, "doctor"), 3, "damaged", "Restore")
    assert path.read_bytes() == torn


def test_a_catalog_whose_tables_disagree(filled: Path) -> None:
    with sqlite3.connect(filled / "catalog.sqlite") as connection:
        connection.execute("DELETE FROM documents WHERE path = 'berths.md'")
    connection.close()
    assert_one_line(
        ragcl(filled, "doctor"), 3, "occurrences belongs to no row of documents", "Restore"
    )


@pytest.mark.parametrize("suffixes", [("",), ("", "-wal"), ("", "-wal", "-shm")])
def test_a_catalog_copied_while_an_ingest_commits(
    suffixes: tuple[str, ...], filled: Path, docs: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "copied"
    copied.mkdir()
    more_documents(docs)
    (docs / "canteen.md").unlink()
    with KnowledgeBase.open(filled) as kb:
        before = documents(kb)
    with paused(Order("ingest", filled, docs, pause_at=KillAt("inside replace", 9))):
        for name in ("ragcl.toml", *(f"catalog.sqlite{suffix}" for suffix in suffixes)):
            shutil.copyfile(filled / name, copied / name)
    assert ragcl(copied, "doctor").exit_code == 0
    with KnowledgeBase.open(filled) as kb, KnowledgeBase.open(copied) as copy:
        held, after = documents(copy), documents(kb)
        assert len(held) == len(before) + (8 if "-wal" in suffixes else 0)
        assert all(one in (before.get(key), after.get(key)) for key, one in held.items())
        copy.ingest(docs)
        assert_same(copy, kb, QUESTIONS)
        assert_index_caught_up(copy)
        assert copy.doctor(repair=False).problems == []


@pytest.mark.parametrize("searched_between", [True, False])
def test_a_catalog_restored_from_a_copy(
    searched_between: bool, filled: Path, docs: Path, tmp_path: Path
) -> None:
    """The index beside it is of what came after the copy, and ids and counts are alike."""
    path = filled / "catalog.sqlite"
    shutil.copyfile(path, tmp_path / "copy")
    (docs / "cook.md").write_text("The cook is called Marta Holm, and nobody else is.\n")
    with KnowledgeBase.open(filled) as kb:
        kb.ingest(docs)
    shutil.copyfile(tmp_path / "copy", path)
    (docs / "cook.md").rename(docs / "buoy.md")
    (docs / "buoy.md").write_text("The buoy is red: pilots board there.\n")
    with KnowledgeBase.open(filled) as kb:
        if searched_between:
            assert {hit.source for hit in kb.search(NORTH, k=100)} == set(DOCUMENTS)
        kb.ingest(docs)
        found = searches(kb, QUESTIONS)
        assert_index_caught_up(kb)
        assert kb.doctor(repair=False).problems == []
    (filled / INDEX).unlink()
    with KnowledgeBase.open(filled) as kb:
        assert searches(kb, QUESTIONS) == found


# A full disk


def fill(folder: Path, *, leave: int = 0) -> Path:
    """Take all the space of a small disk."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(ballast, max(0, ballast.stat().st_size - leave))
    return ballast


@pytest.fixture
def small_disk(tmp_path: Path, kb_folder: Path) -> Iterator[Path]:
    """A disk of twelve megabytes with a knowledge base on it; needs the right to mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        shutil.copytree(kb_folder, disk / "kb")
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def more_documents(docs: Path) -> None:
    for number in range(60):
        text = f"# Shed {number}\n\n" + f"Shed {number} holds barrels of water. " * 40
        (docs / f"shed-{number}.md").write_text(text)


@pytest.mark.parametrize("leave", [0, 100_000])
def test_a_full_disk(leave: int, small_disk: Path, docs: Path) -> None:
    folder = small_disk / "kb"
    assert ragcl(folder, "ingest", str(docs)).exit_code == 0
    with KnowledgeBase.open(folder) as kb:
        before = documents(kb)
    more_documents(docs)
    ballast = fill(small_disk, leave=leave)

    for verb in (["ingest", str(docs)], ["search", NORTH], ["ask", NORTH, "--mode", "context"]):
        ran = ragcl(folder, *verb)
        if ran.exit_code == 0:
            assert leave
            assert verb[0] != "ingest"
        else:
            assert_one_line(ran, 3, str(folder), "disk", "Free some disk space")
    ballast.unlink()
    with KnowledgeBase.open(folder) as kb:
        held = documents(kb)
        assert {key: held[key] for key in before} == before
        assert kb.search(NORTH)[0].source == "berths.md"

    assert ragcl(folder, "ingest", str(docs)).exit_code == 0
    with KnowledgeBase.open(folder) as kb:
        assert kb.status().documents == len(DOCUMENTS) + 60
        assert kb.doctor(repair=False).problems == []
        assert_index_caught_up(kb)


def test_a_file_that_may_not_grow(filled: Path, docs: Path) -> None:
    """As a full disk, with the limit of a process in its place: needs no rights."""
    with KnowledgeBase.open(filled) as kb:
        before = documents(kb)
    more_documents(docs)
    ran = ragcl(filled, "ingest", str(docs), file_size=200_000)
    assert_one_line(ran, 3, "catalog.sqlite", "Free some disk space")
    with KnowledgeBase.open(filled) as kb:
        held = documents(kb)
    assert {key: held[key] for key in before} == before
    assert ragcl(filled, "ingest", str(docs)).exit_code == 0
    with KnowledgeBase.open(filled) as kb:
        assert kb.status().documents == len(DOCUMENTS) + 60
        assert_index_caught_up(kb)


# Several processes


def test_a_second_writer_is_told_and_readers_go_on(filled: Path, docs: Path) -> None:
    before = state(filled)
    (docs / "berths.md").write_text("# Berths\n\nThe north berth is 12 metres deep.\n")
    (docs / "canteen.md").unlink()
    with paused(Order("ingest", filled, docs, pause_at=KillAt("before replace"))):
        for verb in (["ingest", str(docs)], ["forget", "berths.md"], ["doctor"]):
            assert_one_line(ragcl(filled, *verb), 3, str(filled), "is busy", "try again")
        with KnowledgeBase.open(filled) as kb, pytest.raises(KnowledgeBaseBusyError):
            kb.ingest(docs)
        assert state(filled) == before
        searched = ragcl(filled, "search", NORTH)
        assert searched.exit_code == 0
        assert "11 metres" in searched.out
    with KnowledgeBase.open(filled) as kb:
        assert "12 metres" in kb.search(NORTH)[0].text
        assert kb.ingest(docs).unchanged == ["berths.md", "pilots.txt", "tariff.csv"]


def test_a_second_round_is_told(filled: Path) -> None:
    with FileLock(filled / "consolidate.lock"):
        ran = ragcl(filled, "consolidate")
    assert_one_line(ran, 3, str(filled), "another consolidation is running", "try again")


def test_an_open_reader_sees_what_another_process_does(filled: Path, docs: Path) -> None:
    with KnowledgeBase.open(filled) as reader:
        assert "11 metres" in reader.search(NORTH)[0].text
        assert reader.ask(CANTEEN, mode="context").citations[0].source == "canteen.md"
        (docs / "berths.md").write_text("# Berths\n\nThe north berth is 12 metres deep.\n")
        (docs / "canteen.md").unlink()
        (docs / "sheds.md").write_text("# Sheds\n\nThe canteen is shut; soup is in shed 9.\n")
        assert ragcl(filled, "ingest", str(docs)).exit_code == 0
        assert "12 metres" in reader.search(NORTH)[0].text
        found = searches(reader, (CANTEEN,))[CANTEEN].values()
        assert {place[2] for place in found} == {
            "berths.md", "pilots.txt", "sheds.md", "tariff.csv"
        }  # fmt: skip
        answer = reader.ask(CANTEEN, mode="context")
        read = {hit["source"] for hit in answer.trace["hits"]}
        assert "sheds.md" in read
        assert "canteen.md" not in read | {one.source for one in answer.citations}
        assert "11 metres" not in str([asdict(hit) for hit in reader.search(NORTH, k=100)])


# Adapters


@pytest.fixture
def learned(filled: Path) -> Path:
    """A knowledge base with an active adapter."""
    with KnowledgeBase.open(filled) as kb:
        kb.ask_many(QUESTIONS, mode="context")
        assert kb.consolidate().status == "promoted"
    return filled


def weights(folder: Path) -> Path:
    [path] = folder.glob("adapters/*/adapter_model.safetensors")
    return path


ADAPTER_DAMAGES: dict[str, Callable[[Path], object]] = {
    "no folder": lambda folder: shutil.rmtree(weights(folder).parent),
    "no weights": lambda folder: weights(folder).unlink(),
    "truncated": lambda folder: os.truncate(weights(folder), 500),
    "a flipped byte": lambda folder: flip(weights(folder), weights(folder).stat().st_size - 9),
    "no configuration": lambda folder: (weights(folder).parent / "adapter_config.json").unlink(),
}


@pytest.mark.parametrize("damage", ADAPTER_DAMAGES)
def test_a_damaged_adapter(damage: str, learned: Path) -> None:
    with KnowledgeBase.open(learned) as kb:
        [adapter] = kb.status().adapters
        expected = kb.ask(NORTH, mode="context", record=False).text
    ADAPTER_DAMAGES[damage](learned)

    ran = ragcl(learned, "ask", NORTH, "--json", "--no-record")
    assert ran.exit_code == 0
    answer = json.loads(ran.out)
    assert answer["route"] == "context"
    assert answer["text"] == expected != ABSTENTION
    [line] = ran.err.splitlines()
    assert adapter["id"] in line
    assert "ragcl doctor" in line

    ran = ragcl(learned, "doctor", "--json")
    assert ran.exit_code == 0
    report = json.loads(ran.out)
    assert report["repaired"]
    assert [adapter["id"] in problem for problem in report["problems"]] == [True]
    assert ragcl(learned, "ask", NORTH, "--no-record").err == ""
    with KnowledgeBase.open(learned) as kb:
        assert kb.doctor(repair=False).problems == []
        assert kb.consolidate(if_due=True).adapter_ids == [adapter["id"]]
        assert kb.ask(NORTH, mode="weights", record=False).trace["adapter"] == adapter["id"]


def test_a_round_prints_its_report_and_nothing_else(filled: Path) -> None:
    with KnowledgeBase.open(filled) as kb:
        kb.ask_many(QUESTIONS, mode="context")
    ran = ragcl(filled, "consolidate", "--json")
    assert ran.exit_code == 0
    assert json.loads(ran.out)["status"] == "promoted"
    assert json.loads(ragcl(filled, "consolidate", "--if-due", "--json").out)["round_id"] is None


def test_a_round_makes_a_damaged_adapter_again(learned: Path) -> None:
    ADAPTER_DAMAGES["truncated"](learned)
    with KnowledgeBase.open(learned) as kb:
        assert kb.consolidate(if_due=True).status == "promoted"
        assert kb.ask(NORTH, mode="weights", record=False).trace["adapter"]
        assert kb.doctor(repair=False).problems == []
