"""Anchors are written once for a base model and a seed, and read back as they were."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ragcl.consolidation import anchors
from ragcl.generation.language_model import LanguageModel


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Makes anchors quick, and counts how often they are made."""
    seeds: list[int] = []

    def make(model: LanguageModel, seed: int) -> list[anchors.Anchor]:
        seeds.append(seed)
        tops = [torch.arange(6).reshape(3, 2) + i for i in range(2)]
        return [anchors.Anchor((seed, 2, 3), top, -top.float()) for top in tops]

    monkeypatch.setattr(anchors, "make", make)
    return seeds


def test_kept_anchors_are_those_that_were_made(
    tmp_path: Path, model: LanguageModel, made: list[int]
) -> None:
    path = tmp_path / "anchors.safetensors"
    first = anchors.kept_or_made(path, model, 7)
    again = anchors.kept_or_made(path, model, 7)
    assert made == [7]
    assert [anchor.ids for anchor in again] == [anchor.ids for anchor in first]
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.top_ids, other.top_ids)
        assert torch.equal(one.top_logprobs, other.top_logprobs)


def test_anchors_of_another_seed_or_model_are_made_anew(
    tmp_path: Path, model: LanguageModel, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "anchors.safetensors"
    anchors.kept_or_made(path, model, 7)
    assert anchors.kept_or_made(path, model, 8)[0].ids[0] == 8
    monkeypatch.setattr(model, "files", replace(model.files, revision="other"))
    anchors.kept_or_made(path, model, 8)
    assert made == [7, 8, 8]


@pytest.mark.parametrize("damage", [b"", b"not a safetensors file at all"])
def test_a_damaged_file_is_made_anew(
    tmp_path: Path, model: LanguageModel, made: list[int], damage: bytes
) -> None:
    path = tmp_path / "anchors.safetensors"
    anchors.kept_or_made(path, model, 7)
    path.write_bytes(damage)
    assert len(anchors.kept_or_made(path, model, 7)) == 2
    assert made == [7, 7]
