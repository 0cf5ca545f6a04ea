"""A round that is killed leaves the active adapters alone or has promoted; the next completes."""

import shutil
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import DOCUMENTS, TinyModels, settings_text
from processes import KillAt, Order, run
from whole_state import files

from ragcl import KnowledgeBase
from ragcl.results import Answer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")

WAVES = (
    ("How deep is the north berth?", "What is the price of water?"),
    ("When does the canteen open?", "What does soup cost?"),
    ("Where do pilots board?", "Where do fishing boats moor?"),
)
BEFORE = [
    "studying",
    "after add_study",
    "training",
    "before manifest.json",
    "after manifest.json",
    "verifying",
    "before add_adapter",
    "after add_adapter",
    "before promote",
    "inside promote",
]
AFTER = ["after promote", "before clean_up", "after drop_adapters", "before rmtree", "after rmtree"]


@dataclass(frozen=True)
class Prepared:
    """A knowledge base after two rounds, whose third round would promote `coming`.

    `active` are the adapters of the second round and `answers` what they say, by question.
    """

    kb: Path
    active: list[str]
    coming: list[str]
    answers: dict[str, str]
    steps: Counter[str]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, tiny_models: TinyModels) -> Prepared:
    place = tmp_path_factory.mktemp("rounds")
    folder, docs, rehearsal = place / "kb", place / "docs", place / "rehearsal"
    docs.mkdir()
    folder.mkdir()
    (folder / "ragcl.toml").write_text(settings_text(tiny_models), encoding="utf-8")
    for name, text in DOCUMENTS.items():
        (docs / name).write_text(text, encoding="utf-8")
    with KnowledgeBase.open(folder) as kb:
        kb.ingest(docs)
        for wave in WAVES:
            for answer in kb.ask_many(wave, mode="context"):
                kb.feedback(answer.id, rating=1)  # random weights find nothing again
            if wave is not WAVES[-1]:
                report = kb.consolidate()
                assert report.status == "promoted"
        answers = {q: answer.text for q, answer in from_the_weights(kb).items()}
        active = active_ids(kb)
    shutil.copytree(folder, rehearsal)
    ended = run(Order("consolidate", rehearsal))
    assert ended.exit_code == 0
    assert ended.steps is not None
    with KnowledgeBase.open(rehearsal) as kb:
        coming = active_ids(kb)
    assert coming != active
    return Prepared(folder, active, coming, answers, ended.steps)


def active_ids(kb: KnowledgeBase) -> list[str]:
    return [adapter.id for adapter in kb.catalog.learning.active()[1]]


def from_the_weights(kb: KnowledgeBase) -> dict[str, Answer]:
    answers = kb.ask_many([*WAVES[0], *WAVES[1]], mode="weights", record=False)
    return {answer.question: answer for answer in answers}


@pytest.fixture
def kb_folder(prepared: Prepared, tmp_path: Path) -> Path:
    """A copy of the knowledge base after two rounds."""
    folder = tmp_path / "kb"
    shutil.copytree(prepared.kb, folder)
    return folder


def killed_at(step: str, folder: Path, prepared: Prepared) -> None:
    times = prepared.steps[step]
    assert times, f"a round does not come past {step!r}: {sorted(prepared.steps)}"
    ended = run(Order("consolidate", folder, kill_at=KillAt(step, (times + 1) // 2)))
    assert ended.exit_code == -signal.SIGKILL


def assert_next_round_completes(kb: KnowledgeBase, prepared: Prepared) -> None:
    report = kb.consolidate()
    assert report.status in ("promoted", "nothing due")
    assert active_ids(kb) == prepared.coming
    assert kb.catalog.learning.unfinished_round() is None
    on_disk = {path.name for path in (kb.folder / "adapters").iterdir()}
    assert on_disk == set(kb.catalog.learning.adapter_ids())
    assert on_disk == {*prepared.active, *prepared.coming}
    assert kb.doctor(repair=False).problems == []
    spoken = {answer.trace["adapter"] for answer in from_the_weights(kb).values()}
    assert spoken == set(prepared.coming)
    assert kb.rollback().adapters == prepared.active


@pytest.mark.parametrize("step", BEFORE)
def test_before_the_promotion_the_earlier_adapter_answers(
    step: str, kb_folder: Path, prepared: Prepared
) -> None:
    before = {name: files(kb_folder / "adapters" / name) for name in prepared.active}
    killed_at(step, kb_folder, prepared)
    assert {name: files(kb_folder / "adapters" / name) for name in prepared.active} == before
    with KnowledgeBase.open(kb_folder) as kb:
        assert active_ids(kb) == prepared.active
        for question, answer in from_the_weights(kb).items():
            assert answer.text == prepared.answers[question]
            assert answer.trace["adapter"] in prepared.active
        assert_next_round_completes(kb, prepared)


@pytest.mark.parametrize("step", AFTER)
def test_after_the_promotion_the_new_adapter_answers(
    step: str, kb_folder: Path, prepared: Prepared
) -> None:
    killed_at(step, kb_folder, prepared)
    with KnowledgeBase.open(kb_folder) as kb:
        assert active_ids(kb) == prepared.coming
        spoken = {answer.trace["adapter"] for answer in from_the_weights(kb).values()}
        assert spoken == set(prepared.coming)
        assert_next_round_completes(kb, prepared)


def test_what_was_finished_is_not_done_again(kb_folder: Path, prepared: Prepared) -> None:
    killed_at("before add_adapter", kb_folder, prepared)
    ended = run(Order("consolidate", kb_folder))
    assert ended.exit_code == 0
    assert ended.steps is not None
    assert ended.steps["training"] == 0
    assert ended.steps["inside add_study"] == 0


@pytest.mark.parametrize("step", ["training", "before add_adapter"])
def test_a_scheduled_round_takes_up_a_killed_one(
    step: str, kb_folder: Path, prepared: Prepared
) -> None:
    killed_at(step, kb_folder, prepared)
    killed_at("verifying", kb_folder, prepared)
    with KnowledgeBase.open(kb_folder) as kb:
        assert kb.consolidate(if_due=True).adapter_ids == prepared.coming


def test_a_scheduled_round_also_clears_up(kb_folder: Path, prepared: Prepared) -> None:
    killed_at("before rmtree", kb_folder, prepared)
    with KnowledgeBase.open(kb_folder) as kb:
        kb.consolidate(if_due=True)
        on_disk = {path.name for path in (kb_folder / "adapters").iterdir()}
        assert on_disk == {*prepared.active, *prepared.coming}
