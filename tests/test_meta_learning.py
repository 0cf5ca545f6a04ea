"""The experiment with an initial adapter: practice makes learning quicker."""

from pathlib import Path

import pytest
import torch

from benchmarks.meta_learning import __main__ as experiment
from benchmarks.meta_learning.__main__ import School, moved
from ragcl.consolidation.training import anchors
from ragcl.generation.language_model import LanguageModel
from ragcl.settings import ConsolidationSettings

SETTINGS = ConsolidationSettings(
    rank=4, layers=1.0, epochs=4, min_steps=10, learning_rate=0.01, drift_weight=0.0
)


def test_practice_makes_learning_quicker(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [texts[:2] for texts in anchors.texts()]
    monkeypatch.setattr(anchors, "texts", lambda: few)
    values = {"FACTS": 6, "STEPS": 6, "SHARES": (0.5, 1.0), "HELD_OUT": (-2, -1)}
    for name, value in values.items():
        monkeypatch.setattr(experiment, name, value)
    school = School(model, SETTINGS, tmp_path)

    nothing, half, practised = school.measured(school.practised(12))

    assert nothing["steps"] == practised["steps"] == 2 * half["steps"]
    assert practised["log-likelihood"] > nothing["log-likelihood"] + 0.1
    assert not model.attached


def test_a_part_of_the_way_is_gone_and_all_of_it_from_nothing() -> None:
    start, towards = {"a": torch.tensor([0.0, 2.0])}, {"a": torch.tensor([4.0, 2.0])}

    assert moved(None, towards, 0.5) is towards
    assert moved(start, towards, 0.25)["a"].tolist() == [1.0, 2.0]
