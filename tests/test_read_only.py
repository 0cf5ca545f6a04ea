"""Where nothing may be written, what changes nothing works, and what would change is refused."""

import contextlib
import ctypes
import logging
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragcl import KnowledgeBase
from ragcl.catalog import Catalog
from ragcl.errors import CatalogError

QUESTION = "How deep is the north berth?"
DAC_OVERRIDE = 1 << 1  # the capability by which root writes whatever it likes


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing in `folder` may be written, by root neither."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with as_any_user():
            yield
    finally:
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


@contextlib.contextmanager
def as_any_user() -> Iterator[None]:
    """Permissions hold for root too."""
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("root may write everywhere")
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this thread
    words = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
    assert libc.capget(header, words) == 0
    before = words[0]
    words[0] &= ~DAC_OVERRIDE
    assert libc.capset(header, words) == 0
    try:
        yield
    finally:
        words[0] = before
        assert libc.capset(header, words) == 0


@pytest.fixture
def filled(kb_folder: Path, docs: Path) -> Path:
    """A knowledge base with a question in its log, that nobody has open."""
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        assert kb.ask(QUESTION).id == 1
    return kb_folder


def state(folder: Path) -> dict[str, bytes]:
    """Every file, by name."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_changes_nothing_works_and_leaves_everything_as_it_was(
    filled: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = state(filled)

    with (
        read_only(filled),
        caplog.at_level(logging.WARNING, "ragcl"),
        KnowledgeBase.open(filled) as kb,
    ):
        hits = kb.search(QUESTION)
        answers = [kb.ask(QUESTION), *kb.ask_many([QUESTION])]
        stream = kb.ask(QUESTION, stream=True)
        explained, status = kb.explain(1), kb.status()
        assert "".join(stream) == answers[0].text

    assert hits[0].source == "berths.md"
    assert [one.route for one in answers] == ["context", "context"]
    assert {one.id for one in (*answers, stream.result)} == {0}
    assert (explained.answer, status.documents, status.asks) == (answers[0].text, 4, 1)
    assert [one.getMessage() for one in caplog.records] == [
        f"No question is logged: {filled / 'catalog.sqlite'} may not be written."
    ]
    assert state(filled) == before


def test_what_was_never_searched_can_be_where_the_index_file_is_gone_too(
    kb_folder: Path, docs: Path
) -> None:
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
    shutil.rmtree(kb_folder / "index")

    with read_only(kb_folder), KnowledgeBase.open(kb_folder) as kb:
        assert [kb.search(QUESTION)[0].source for _ in range(2)] == ["berths.md"] * 2


def test_what_would_change_it_is_refused_with_the_file(filled: Path, docs: Path) -> None:
    with read_only(filled), KnowledgeBase.open(filled) as kb:
        for change in (lambda: kb.feedback(1, 1), kb.rollback, lambda: kb.ingest(docs)):
            with pytest.raises(CatalogError, match=r"may not be written|cannot be written"):
                change()


def test_what_whoever_may_write_writes_meanwhile_is_seen(filled: Path) -> None:
    """They have it open, close it, and open it again."""
    with read_only(filled):
        reader = Catalog(filled)
    assert reader.database.read_only
    for number in range(2):
        owner = Catalog(filled)
        for step in range(2):
            owner.put("x", [number, step])
            assert reader.get("x") == [number, step]
        owner.close()
        assert reader.get("x") == [number, 1]
    reader.close()


def test_changes_that_cannot_be_read_are_not_passed_over(filled: Path, tmp_path: Path) -> None:
    """A part of what SQLite keeps was copied while it was written."""
    part = tmp_path / "part"
    part.mkdir()
    with KnowledgeBase.open(filled) as kb:
        kb.catalog.put("x", 1)
        for name in ("catalog.sqlite", "catalog.sqlite-wal"):
            shutil.copyfile(filled / name, part / name)

    with read_only(part), pytest.raises(CatalogError, match=r"newest changes.*make a copy"):
        KnowledgeBase.open(part)


def test_an_older_catalog_is_to_be_opened_where_it_may_be_written(filled: Path) -> None:
    connection = sqlite3.connect(filled / "catalog.sqlite")
    connection.execute("PRAGMA user_version = 3")
    connection.close()

    with read_only(filled), pytest.raises(CatalogError, match=r"version 3.*open it once where"):
        KnowledgeBase.open(filled)


def test_where_there_is_none_and_none_can_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with read_only(tmp_path / "empty"), pytest.raises(CatalogError, match="no knowledge base in"):
        KnowledgeBase.open(tmp_path / "empty")
