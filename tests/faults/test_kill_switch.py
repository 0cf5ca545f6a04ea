"""A change of the embedder that is killed loses nothing, and is answered through all the while."""

import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import TinyModels, settings_text
from processes import KillAt, Order, reading, run
from whole_state import assert_index_caught_up, chunks, documents

from ragcl import KnowledgeBase

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")

QUESTION = "What does the keeper of the crane shed drink?"
ANSWER = "The keeper of the crane shed drinks soup and water from the canteen."
SHEDS = 120


@dataclass(frozen=True)
class Prepared:
    """A knowledge base of some hundred chunks, and the same made with the other embedder."""

    kb: Path
    reference: Path
    old: Path
    new: Path


@pytest.fixture(scope="module")
def prepared(
    tmp_path_factory: pytest.TempPathFactory, tiny_models: TinyModels, other_embedder: Path
) -> Prepared:
    place = tmp_path_factory.mktemp("switched")
    docs = place / "docs"
    docs.mkdir()
    for number in range(SHEDS):
        (docs / f"shed-{number}.md").write_text(
            f"# Shed {number}\n\nShed {number} is {number + 3} metres deep.\n\n"
            f"## Keeper\n\nThe keeper of shed {number} answers on channel {number}.\n"
        )
    (docs / "crane.md").write_text(f"# Crane\n\n{ANSWER}\n")
    text = settings_text(tiny_models)
    for name, settings in (
        ("kb", text),
        ("reference", text.replace(tiny_models.embedder.as_posix(), other_embedder.as_posix())),
    ):
        (place / name).mkdir()
        (place / name / "ragcl.toml").write_text(settings, encoding="utf-8")
        with KnowledgeBase.open(place / name) as kb:
            kb.ingest(docs)
    return Prepared(place / "kb", place / "reference", tiny_models.embedder, other_embedder)


@pytest.fixture
def kb_folder(prepared: Prepared, tmp_path: Path) -> Path:
    """A copy of the knowledge base."""
    folder = tmp_path / "kb"
    shutil.copytree(prepared.kb, folder)
    return folder


@contextmanager
def asked_all_the_while(folder: Path) -> Iterator[None]:
    """One process asks, and a thread of this one searches, from before to after what is done."""
    stop = threading.Event()
    found: list[str] = []

    def search() -> None:
        with KnowledgeBase.open(folder) as kb:
            while not stop.is_set():
                found.append(kb.search(QUESTION, k=1)[0].text)

    thread = threading.Thread(target=search)
    with reading(folder, QUESTION):
        thread.start()
        try:
            yield
        finally:
            before = len(found)
            while thread.is_alive() and len(found) < before + 2:
                stop.wait(0.01)  # it is seen that it goes on afterwards
            stop.set()
            thread.join()
    assert len(found) > before
    assert set(found) == {ANSWER}


def assert_same_as_reference(folder: Path, reference: Path) -> None:
    """As if every document had been embedded with the new embedder in the first place."""
    with KnowledgeBase.open(folder) as kb, KnowledgeBase.open(reference) as other:
        assert documents(kb) == documents(other)
        found, expected = chunks(kb), chunks(other)
        assert found.keys() == expected.keys()
        for key, chunk in found.items():
            np.testing.assert_allclose(chunk[3], expected[key][3], atol=1e-5)
        assert_index_caught_up(kb)
        assert kb.doctor(repair=False).problems == []


@pytest.mark.parametrize(
    ("step", "number", "again"),
    [
        ("after add", 4, True),
        ("before switch", 1, True),
        ("inside switch", 1, True),
        ("after switch", 1, False),
        ("before ragcl.toml", 1, False),
        ("before vectors.faiss", 1, False),
    ],
)
def test_killed_in_the_middle(
    step: str, number: int, again: bool, kb_folder: Path, prepared: Prepared
) -> None:
    # Whoever asks after the switch may write the index first.
    alone = step == "before vectors.faiss"
    with nullcontext() if alone else asked_all_the_while(kb_folder):
        ended = run(Order("use", kb_folder, prepared.new, KillAt(step, number)))
        assert ended.exit_code == -signal.SIGKILL
        with KnowledgeBase.open(kb_folder) as kb:
            migration = kb.status().migration
            assert (migration is not None) is again
            assert kb.search(QUESTION, k=1)[0].text == ANSWER

        ended = run(Order("use", kb_folder, prepared.new))

    assert ended.exit_code == 0
    assert ended.steps is not None
    if migration is not None:
        assert migration.embedded >= 4 * 32
        left = migration.chunks - migration.embedded
        assert ended.steps["after add"] == -(-left // 32)
    else:
        assert ended.steps["after add"] == 0
    assert_same_as_reference(kb_folder, prepared.reference)


def test_there_and_back_again_killed_on_both_ways(kb_folder: Path, prepared: Prepared) -> None:
    with asked_all_the_while(kb_folder):
        for embedder in (prepared.new, prepared.old):
            ended = run(Order("use", kb_folder, embedder, KillAt("after add", 3)))
            assert ended.exit_code == -signal.SIGKILL
            assert run(Order("use", kb_folder, embedder)).exit_code == 0

    assert_same_as_reference(kb_folder, prepared.kb)
