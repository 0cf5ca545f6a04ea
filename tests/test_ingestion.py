"""Whatever one file does is one line in the report, and the rest is committed."""

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ingest import sha256
from ragcl import KnowledgeBase, ingestion
from ragcl.cli import app
from ragcl.search.embedder import Embedder

NAMES = ["berths.md", "canteen.md", "pilots.txt", "tariff.csv"]


def texts(kb: KnowledgeBase) -> set[str]:
    return {hit.text for hit in kb.search("the north berth", k=100)}


def test_an_error_that_nobody_foresaw_costs_one_file(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("chunked", "embedded", "stored"):
        (docs / f"bad {name}.md").write_text(f"# Bad\n\nThis one cannot be {name}.\n")
    chunk, encode = ingestion.chunk, Embedder.encode

    def chunk_some(document: Any, **how: Any) -> Any:
        if "be chunked" in str(document):
            raise RuntimeError("never\nseen before")
        return chunk(document, **how)

    def encode_some(self: Embedder, texts: list[str], **how: Any) -> np.ndarray:
        if any("be embedded" in text for text in texts):
            raise IndexError("out of range")
        return encode(self, texts, **how)

    monkeypatch.setattr(ingestion, "chunk", chunk_some)
    monkeypatch.setattr(Embedder, "encode", encode_some)
    replace = kb.catalog.documents.replace

    def replace_some(root_id: int, document: Any, records: Any) -> Any:
        if document.path == "bad stored.md":
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return replace(root_id, document, records)

    monkeypatch.setattr(kb.catalog.documents, "replace", replace_some)
    report = kb.ingest(docs)

    assert sorted(report.added) == NAMES
    assert {one.path: one.reason for one in report.failed} == {
        "bad chunked.md": "RuntimeError: never seen before",
        "bad embedded.md": "IndexError: out of range",
        "bad stored.md": "OverflowError: Python int too large to convert to SQLite INTEGER",
    }
    assert len(kb.status().failed) == 3
    monkeypatch.undo()
    assert len(kb.ingest(docs).added) == 3


def test_half_a_character_and_a_broken_clock_stop_nothing(kb: KnowledgeBase, docs: Path) -> None:
    (docs / "half.json").write_text('{"crane": "lifts \\ud800 40 t", "\\udfff": 1}')
    far = int(datetime(2400, 1, 1).timestamp())
    os.utime(docs / "canteen.md", (far, far))

    report = kb.ingest(docs)

    assert report.failed == []
    assert len(report.added) == 5
    assert any("40 t" in text for text in texts(kb))
    assert {hit.source for hit in kb.search("soup", k=9, since="2200-01-01")} == {"canteen.md"}
    assert kb.search("soup", k=9, until="9999-12-31", since="0001-01-01")
    assert kb.ingest(docs).updated == []


def test_what_was_read_is_committed_though_no_chunk_fills_a_group(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingestion, "GROUP_DOCUMENTS", 2, raising=False)

    def stop(what: str, done: int, _total: int) -> None:
        if (what, done) == ("reading", 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kb.ingest(docs, progress=stop)

    assert kb.status().documents == 2


def test_a_file_that_grew_too_large_is_a_failure(kb_folder: Path, docs: Path) -> None:
    with (kb_folder / "ragcl.toml").open("a") as config:
        config.write("\n[ingest]\nmax_file_mb = 0.01\n")
    (docs / "scan.md").write_text("x" * 20_000)
    with KnowledgeBase.open(kb_folder) as kb:
        first = kb.ingest(docs)
        with (docs / "berths.md").open("a") as file:
            file.write("\n" * 20_000)
        report = kb.ingest(docs)
        failed = [one.path for one in kb.status().failed]

    assert (first.failed, [one.path for one in first.skipped]) == ([], ["scan.md"])
    [failure] = report.failed
    assert failure.path == "berths.md"
    assert failure.reason.startswith("too large")
    assert failure.reason.endswith("its last good version is still used")
    assert [one.path for one in report.skipped] == ["scan.md"]
    assert failed == [str(docs / "berths.md")]


@pytest.mark.parametrize("known", [False, True])
def test_a_file_that_changes_before_it_is_read_is_stored_as_what_was_read(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    crane = docs / "crane.md"
    if known:
        crane.write_text("The crane lifts 40 t.\n")
        kb.ingest(docs)
    crane.write_text("The crane lifts 55 t.\n")
    read = ingestion.FileReader.read

    def edited_just_before(self: Any, path: Path) -> Any:
        if path == crane:
            crane.write_text("The crane lifts 70 t.\n")
        return read(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(ingestion.FileReader, "read", edited_just_before)
        kb.ingest(docs)
    assert "The crane lifts 70 t." in texts(kb)
    crane.write_text("The crane lifts 55 t.\n")
    kb.ingest(docs)

    assert {text for text in texts(kb) if "crane" in text} == {"The crane lifts 55 t."}
    stored = {one.path: one.sha256 for one in kb.catalog.documents.of_root(1)}
    assert stored["crane.md"] == sha256(crane)


def test_a_file_that_lost_all_its_text_was_updated(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)
    (docs / "canteen.md").write_text("\n")

    report = kb.ingest(docs)

    assert (report.added, report.updated) == ([], ["canteen.md"])
    assert [one.path for one in report.left_out] == ["canteen.md"]
    assert kb.ingest(docs).updated == []


def test_an_edit_of_white_space_or_case_is_taken_in(kb: KnowledgeBase, docs: Path) -> None:
    code = docs / "moor.py"
    for text in (
        "if fog:\n    wait()\n    call()",
        "if fog:\n    wait()\ncall()",
        "if FOG:\n    wait()",
    ):
        code.write_text(f"{text}\n")
        kb.ingest(docs)
        assert [hit.text for hit in kb.search("fog wait", k=9) if hit.source == "moor.py"] == [text]

    prose = docs / "pilots.txt"
    prose.write_text("\n".join(prose.read_text().split()))
    report = kb.ingest(docs)
    assert (report.updated, report.chunks_added) == (["pilots.txt"], 0)
    assert any(text.startswith("Pilots\nboard\nat") for text in texts(kb))


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_names_are_printed_so_that_a_terminal_obeys_nothing(kb_folder: Path, docs: Path) -> None:
    name = "a\x1b[2Jb\nfailed berths.md\u202e.pdf"
    (docs / name).write_bytes(b"%PDF-1.4 torn")
    (docs / "c\x9b31m.md").write_text("# Crane\n\nThe crane lifts 40 t.\n")
    runner = CliRunner()

    def run(*verb: str) -> str:
        result = runner.invoke(app, ["--kb", str(kb_folder), *verb])
        return result.stdout + result.stderr

    said = [run("ingest", str(docs)), run("status"), run("search", "crane"), run("ask", "crane")]
    stored = json.loads(run("status", "--json"))["failed"]

    for text in said:
        assert not {"\x1b", "\x9b", "\u202e"} & set(text)
    assert [line for line in said[0].splitlines() if line.strip().startswith("failed")] == [
        line for line in said[0].splitlines() if "\\u001b[2Jb\\u000afailed" in line
    ]
    assert [Path(one["path"]).name for one in stored] == [name]


def test_what_was_left_out_of_a_file_is_said_in_the_report_and_remembered(
    kb: KnowledgeBase, tmp_path: Path
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "blank.md").write_text("\n\n")
    (folder / "damaged.txt").write_bytes(
        "The quay is open at caf\u00e9 hours. ".encode() * 9 + b"\xff."
    )

    report = kb.ingest(folder)

    said = {one.path: one.reason for one in report.left_out}
    assert said["blank.md"] == "holds no text"
    assert "could not be decoded" in said["damaged.txt"]
    assert report.added == ["damaged.txt"]
    assert {Path(one.path).name for one in kb.status().left_out} == set(said)
    assert kb.ingest(folder).left_out == []
