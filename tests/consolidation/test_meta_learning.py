"""Meta-learning: practice makes learning quicker, and what does not is thrown away."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TinyModels

from ragcl import KnowledgeBase
from ragcl.consolidation import meta_learning
from ragcl.consolidation.meta_learning import load, meta_learn
from ragcl.consolidation.training import anchors
from ragcl.errors import SettingsError, UsageError
from ragcl.generation.language_model import LanguageModel
from ragcl.models import model_files
from ragcl.results import MetaLearningReport
from ragcl.settings import ConsolidationSettings

SETTINGS = ConsolidationSettings(
    rank=4,
    layers=1.0,
    epochs=4,
    min_steps=10,
    learning_rate=0.01,
    drift_weight=0.0,
    max_perplexity_ratio=1e9,
)


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    """Little practice, few tests and few anchors."""
    few = [texts[:2] for texts in anchors.texts()]
    values = {"WORLDS": 3, "FACTS": 6, "STEPS": 6, "SHARES": (0.5, 0.75), "HELD_OUT": (-2, -1)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anchors, "texts", lambda: few)
        for name, value in values.items():
            patch.setattr(meta_learning, name, value)
        yield


def scored(monkeypatch: pytest.MonkeyPatch, scores: Iterator[float]) -> None:
    """Let the worlds held out be learned so well, fact by fact."""
    monkeypatch.setattr(meta_learning._School, "_log_likelihood", lambda _self, _fact: next(scores))


def learnt(model: LanguageModel, folder: Path, **changes: Any) -> MetaLearningReport:
    settings = SETTINGS.model_copy(update=changes)
    return meta_learn(model, settings, folder, progress=lambda _what, _done, _total: None)


@pytest.fixture(scope="module")
def made(tiny_models: TinyModels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initial adapter from which half of the steps are enough."""
    files = model_files.resolve(str(tiny_models.language_model), "language_model")
    folder = tmp_path_factory.mktemp("made") / "initial"
    with pytest.MonkeyPatch.context() as patch:
        scored(patch, iter(float, 1.0))
        learnt(LanguageModel(files, dtype="float32", device="cpu"), folder)
    return folder


@pytest.fixture
def kept(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "initial")


def test_practice_makes_learning_quicker(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meta_learning, "WORLDS", 12)
    monkeypatch.setattr(meta_learning, "SHARES", (1.0,))

    nothing, practised = learnt(model, tmp_path / "initial").trials

    assert nothing["steps"] == practised["steps"]
    assert practised["log-likelihood"] > nothing["log-likelihood"] + 0.1


def test_the_least_share_of_the_steps_that_is_enough_is_kept(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = 12  # of two worlds
    scored(monkeypatch, iter(facts * [-1.0] + facts * [-2.0] + facts * [-0.5]))
    folder = tmp_path / "new" / "initial"

    report = learnt(model, folder)

    assert report.folder == str(folder)
    assert report.share == 0.75
    assert [(one["practised"], one["share"], one["steps"]) for one in report.trials] == [
        (False, 1.0, 20),
        (True, 0.5, 10),
        (True, 0.75, 16),
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["initial"]
    shorter = load(folder, model, SETTINGS).shortened(SETTINGS)
    assert (shorter.epochs, shorter.min_steps) == (3, 8)


def test_what_is_not_better_is_thrown_away(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(monkeypatch, map(float, count(0, -1)))

    report = learnt(model, tmp_path / "initial")

    assert (report.folder, report.share) == (None, None)
    assert len(report.trials) == 1 + len(meta_learning.SHARES)
    assert not list(tmp_path.iterdir())
    assert not model.attached


def test_what_drifts_too_far_is_thrown_away(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(monkeypatch, iter(float, 1.0))
    monkeypatch.setattr(meta_learning, "drift", lambda *_: (1.3, 0.0))

    report = learnt(model, tmp_path / "initial", max_perplexity_ratio=1.2)

    assert report.folder is None
    assert report.trials[-1]["perplexity ratio"] == pytest.approx(1.3)


def test_a_folder_that_is_there_is_left_as_it_is(model: LanguageModel, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")

    with pytest.raises(UsageError, match="is there already"):
        learnt(model, tmp_path)

    assert (tmp_path / "mine").read_text() == "precious"


def test_it_is_read_as_it_was_written(model: LanguageModel, kept: Path) -> None:
    initial = load(kept, model, SETTINGS)

    assert initial.share == 0.5
    assert any(tensor.any() for name, tensor in initial.weights.items() if "lora_B" in name)
    assert json.loads((kept / "manifest.json").read_text())["share"] == 0.5


def test_another_shape_or_model_is_named(model: LanguageModel, kept: Path) -> None:
    with pytest.raises(SettingsError, match=r"was made for rank 4, but the settings say rank 5"):
        load(kept, model, SETTINGS.model_copy(update={"rank": 5}))
    files = model.files
    model.files = replace(files, revision="another")
    with pytest.raises(SettingsError, match="settings say model another"):
        load(kept, model, SETTINGS)


@pytest.mark.parametrize("damage", ["nothing there", "weights"])
def test_one_that_is_not_whole_is_named_with_the_remedy(
    model: LanguageModel, kept: Path, damage: str
) -> None:
    if damage == "weights":
        (kept / "adapter_model.safetensors").write_bytes(b"torn")
    folder = kept if damage == "weights" else kept / "elsewhere"

    with pytest.raises(SettingsError, match="ragcl meta-learn"):
        load(folder, model, SETTINGS)


def test_a_step_goes_a_part_of_the_way() -> None:
    start, towards = {"a": torch.tensor([1.0, 2.0])}, {"a": torch.tensor([3.0, 0.0])}

    assert meta_learning._moved(start, towards, 0.25)["a"].tolist() == [1.5, 1.5]
    assert meta_learning._moved(None, towards, 0.25) is towards


# --- rounds that begin with one


def test_a_few_rows_are_learned_from_it_in_fewer_steps(
    kb_folder: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("How deep is the north berth?", "What depth has the north berth?")
    scored(monkeypatch, iter(float, 1.0))
    config = kb_folder / "ragcl.toml"
    config.write_text(config.read_text().replace("min_steps = 1", "min_steps = 8"))
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        kb.ask_many(asked)
        assert kb.consolidate().status == "promoted"
        assert kb.meta_learn(kb_folder / "initial").share == 0.5
        steps = manifests(kb_folder)
    folder = json.dumps(str(kb_folder / "initial"))
    config.write_text(f"{config.read_text()}initial_adapter = {folder}\n")

    with KnowledgeBase.open(kb_folder) as kb:
        with monkeypatch.context() as patch:
            patch.setattr(meta_learning, "FEW", 1)
            assert kb.consolidate().status == "nothing due"  # so many begin with nothing
        assert kb.consolidate().status == "promoted"

    [(adapter, before)] = steps.items()
    after = {name: value for name, value in manifests(kb_folder).items() if name != adapter}
    assert (before, list(after.values())) == (8, [4])


def manifests(folder: Path) -> dict[str, float]:
    """The steps that each adapter on the disk took."""
    found = [json.loads(path.read_text()) for path in folder.glob("adapters/*/manifest.json")]
    return {one["adapter"]: one["steps"] for one in found}


def test_one_that_is_missing_is_said_before_anything_begins(kb_folder: Path, docs: Path) -> None:
    config = kb_folder / "ragcl.toml"
    config.write_text(f'{config.read_text()}initial_adapter = "nowhere"\n')

    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        with pytest.raises(SettingsError, match=r"initial_adapter = 'nowhere'"):
            kb.consolidate()
        assert not kb.catalog.learning.rounds()
