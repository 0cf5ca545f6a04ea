"""An ingest that is killed at any instant leaves the last committed state; the next one goes on."""

import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import TinyModels, settings_text
from processes import KillAt, Order, run, run_until
from whole_state import ALL, assert_index_caught_up, assert_same, documents, files, searches

from ingest import FileReader
from ragcl import KnowledgeBase
from ragcl.search.embedder import Embedder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")

QUESTIONS = ("How deep is the north berth?", "channel of the pilot station", "soup and water")
COLOURS = ("red", "green", "blue", "yellow", "white", "black", "grey", "brown")
NOTICE = "Smoking is forbidden on every berth and in every shed of the harbour."


@dataclass(frozen=True)
class Prepared:
    """A knowledge base that knows the folder as it was, the folder as it is, and what is to come.

    `old` and `new` are the documents before and after; `steps` is what an ingest goes through.
    """

    kb: Path
    folder: Path
    reference: Path
    old: dict[tuple[str, str], Any]
    new: dict[tuple[str, str], Any]
    steps: Counter[str]


def page(number: int, revision: str) -> str:
    colour = COLOURS[number % len(COLOURS)]
    return (
        f"# Shed {number}\n\n{NOTICE}\n\n## Goods of shed {number}\n\n"
        f"Shed {number} holds {colour} barrels, stacked {number} high, in the {revision} of the "
        f"year.\n\n## Keeper\n\nThe keeper of shed {number} answers on channel {number}, between "
        f"the north berth and the canteen.\n"
    )


def write_before(folder: Path) -> None:
    for number in range(32):
        (folder / f"shed-{number:02}.md").write_text(page(number, "spring"), encoding="utf-8")
    (folder / "notes").mkdir()
    (folder / "notes" / "notice.txt").write_text(NOTICE, encoding="utf-8")
    (folder / "prices.csv").write_text("good,price\nwater,14 crowns\nsoup,3 crowns\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing of the kind")


def write_after(folder: Path) -> None:
    """Nine pages changed, five deleted, one renamed, seven new; the broken file stays broken."""
    for number in range(0, 27, 3):
        (folder / f"shed-{number:02}.md").write_text(page(number, "autumn"), encoding="utf-8")
    for number in range(1, 31, 6):
        (folder / f"shed-{number:02}.md").unlink()
    (folder / "shed-02.md").rename(folder / "notes" / "second.md")
    for number in range(40, 47):
        (folder / "notes" / f"new-{number}.txt").write_text(page(number, "summer"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, tiny_models: TinyModels) -> Prepared:
    place = tmp_path_factory.mktemp("killed")
    folder, kb, reference = place / "docs", place / "kb", place / "reference"
    for one in (folder, kb, reference):
        one.mkdir()
    for one in (kb, reference):
        (one / "ragcl.toml").write_text(settings_text(tiny_models), encoding="utf-8")
    write_before(folder)
    with KnowledgeBase.open(kb) as opened:
        opened.ingest(folder)
        old = documents(opened)
    write_after(folder)
    with KnowledgeBase.open(reference) as opened:
        opened.ingest(folder)
        new = documents(opened)
    rehearsal = place / "rehearsal"
    shutil.copytree(kb, rehearsal)
    ended = run(Order("ingest", rehearsal, folder))
    assert ended.exit_code == 0
    assert ended.steps is not None
    return Prepared(kb, folder, reference, old, new, ended.steps)


@pytest.fixture
def kb_folder(prepared: Prepared, tmp_path: Path) -> Path:
    """A copy of the knowledge base that knows the folder as it was."""
    folder = tmp_path / "kb"
    shutil.copytree(prepared.kb, folder)
    return folder


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[Path], list[str]]]:
    """The files that are read and the texts that are embedded in this process."""
    read: list[Path] = []
    embedded: list[str] = []
    original_read, original_encode = FileReader.read, Embedder.encode

    def reading(self: FileReader, path: Path) -> Any:
        read.append(path)
        return original_read(self, path)

    def encoding(self: Embedder, texts: list[str], **kwargs: Any) -> Any:
        embedded.extend(texts)
        return original_encode(self, texts, **kwargs)

    monkeypatch.setattr(FileReader, "read", reading)
    monkeypatch.setattr(Embedder, "encode", encoding)
    return read, embedded


def assert_recovers(
    kb_folder: Path, prepared: Prepared, work: tuple[list[Path], list[str]]
) -> None:
    """What was committed is whole and findable; another ingest brings all there is to bring."""
    with KnowledgeBase.open(kb_folder) as kb, KnowledgeBase.open(prepared.reference) as reference:
        state = documents(kb)
        for key, document in state.items():
            assert document in (prepared.old.get(key), prepared.new.get(key))
        for key in prepared.old.keys() & prepared.new.keys():
            assert key in state
        held = {chunk[1] for document in state.values() for chunk in document["chunks"]}
        # Document by document, since of a text that stands under many headings a few are shown.
        found = [kb.search("keeper", k=ALL, source=path) for _, path in state]
        assert {hit.content_hash for hits in found for hit in hits} == held
        assert held.issuperset(searches(kb, ("keeper",))["keeper"])

        read, embedded = work
        read.clear()
        embedded.clear()
        report = kb.ingest(prepared.folder)

        done = {key for key, document in state.items() if document == prepared.new.get(key)}
        again = {(str(prepared.folder), p.relative_to(prepared.folder).as_posix()) for p in read}
        assert not done & again
        assert again - {(str(prepared.folder), "broken.pdf")} == set(prepared.new) - done
        wanted = {chunk[1] for document in prepared.new.values() for chunk in document["chunks"]}
        assert len(embedded) <= len(wanted - held)
        assert [failure.path for failure in report.failed] == ["broken.pdf"]

        assert_same(kb, reference, QUESTIONS)
        assert_index_caught_up(kb)
        assert kb.doctor(repair=False).problems == []
        assert kb.ingest(prepared.folder).unchanged == sorted(path for _, path in prepared.new)


# (step, how far through its occurrences): statements inside transactions, transactions that are
# about to be committed or just were, and every stage of the index file.
PLACES = [
    ("statement", 0.02),
    ("statement", 0.35),
    ("statement", 0.7),
    ("statement", 0.95),
    ("before do_commit", 0.2),
    ("before do_commit", 0.8),
    ("after do_commit", 0.4),
    ("after replace", 0.5),
    ("after remove", 0.5),
    ("embedding", 0.6),
    ("before save", 1.0),
    ("before fsync", 1.0),
    ("after fsync", 1.0),
    ("before vectors.faiss", 1.0),
    ("after save", 1.0),
]


@pytest.mark.parametrize(("step", "share"), PLACES)
def test_killed_at_a_step_of_its_own(
    step: str,
    share: float,
    kb_folder: Path,
    prepared: Prepared,
    work: tuple[list[Path], list[str]],
) -> None:
    jitter = random.Random(f"{step} {share}").uniform(-0.02, 0.02)
    number = max(1, min(prepared.steps[step], round((share + jitter) * prepared.steps[step])))
    ended = run(Order("ingest", kb_folder, prepared.folder, KillAt(step, number)))
    assert ended.exit_code == -signal.SIGKILL
    assert_recovers(kb_folder, prepared, work)


@pytest.mark.parametrize(
    ("what", "done"), [("reading", 0), ("reading", 3), ("reading", 9), ("embedding", 4)]
)
def test_killed_from_outside(
    what: str,
    done: int,
    kb_folder: Path,
    prepared: Prepared,
    work: tuple[list[Path], list[str]],
) -> None:
    order = Order("ingest", kb_folder, prepared.folder)
    ended = run_until(order, lambda name, now, _total: name == what and now >= done)
    assert ended.exit_code == -signal.SIGKILL
    assert_recovers(kb_folder, prepared, work)


@pytest.mark.parametrize(
    "step", ["before train", "after train", "after add", "before fsync", "before vectors.faiss"]
)
def test_killed_while_the_index_grows(
    step: str,
    kb_folder: Path,
    prepared: Prepared,
    work: tuple[list[Path], list[str]],
) -> None:
    order = Order("ingest", kb_folder, prepared.folder, KillAt(step), flat_limit=20)
    assert run(order).exit_code == -signal.SIGKILL
    assert_recovers(kb_folder, prepared, work)


def test_killed_while_it_recovers(
    kb_folder: Path, prepared: Prepared, work: tuple[list[Path], list[str]]
) -> None:
    for step in ("after do_commit", "before do_commit", "before save"):
        number = 1 if step == "before save" else 7
        ended = run(Order("ingest", kb_folder, prepared.folder, KillAt(step, number)))
        assert ended.exit_code == -signal.SIGKILL
    assert_recovers(kb_folder, prepared, work)


def test_killed_in_the_very_first_ingest(
    tmp_path: Path,
    prepared: Prepared,
    tiny_models: TinyModels,
    work: tuple[list[Path], list[str]],
) -> None:
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "ragcl.toml").write_text(settings_text(tiny_models), encoding="utf-8")
    for kill_at in (KillAt("statement", 20), KillAt("after put"), KillAt("after replace", 5)):
        ended = run(Order("ingest", folder, prepared.folder, kill_at))
        assert ended.exit_code == -signal.SIGKILL
    with KnowledgeBase.open(folder) as kb, KnowledgeBase.open(prepared.reference) as reference:
        kb.ingest(prepared.folder)
        assert_same(kb, reference, QUESTIONS)
        assert_index_caught_up(kb)


def test_the_documents_are_never_touched(kb_folder: Path, prepared: Prepared) -> None:
    before = files(prepared.folder)
    run(Order("ingest", kb_folder, prepared.folder, KillAt("before do_commit", 3)))
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(prepared.folder)
    assert files(prepared.folder) == before
