"""The models to choose from: which are here, in use, measured, and fit the memory."""

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import TinyModels

from ragcl.models import hardware, listing, measured, model_files


def test_measured_models_and_those_in_use_are_listed(
    tiny_models: TinyModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGCL_CACHE", str(tmp_path))
    mine = str(tiny_models.embedder)

    found = {(one.role, one.name): one for one in listing.listed("default", mine)}

    assert [key for key, one in found.items() if one.in_use] == [
        ("language_model", "default"),
        ("embedder", mine),
    ]
    assert {(one.role, one.name) for one in measured.models()} < found.keys()
    default, own = found["language_model", "default"], found["embedder", mine]
    assert (default.state, default.size) == ("missing", 0)
    assert default.parameters == 134515008
    assert default.measured[0] == measured.pairs()[0]
    assert (own.state, own.title, own.measured) == ("ready", "tiny-embedder", ())
    assert own.path == tiny_models.embedder
    assert own.size > 0


def test_weights_are_counted_in_the_headers(tiny_models: TinyModels) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_models.language_model)

    assert model_files.parameters(tiny_models.language_model) == model.num_parameters()


def test_what_the_weights_need_is_compared_with_the_memory(tiny_models: TinyModels) -> None:
    mine = str(tiny_models.language_model)

    needs, in_use = listing.needs(mine, "default", bytes_a_weight=4, free_mb=100)

    found = {(one.role, one.name): one for one in needs}
    assert found["embedder", "default"].weights_mb == 87  # 22.7 million of four bytes
    assert found["embedder", "default"].fits
    assert not found["language_model", "default"].fits
    assert in_use == 87 + found["language_model", mine].weights_mb


def test_a_round_that_was_measured_has_to_fit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    first = measured.pairs()[0]
    pairs = (replace(first, memory_mb=3000.0), replace(first, memory_mb=2000.4))
    monkeypatch.setattr(measured, "pairs", lambda: pairs)

    found = {}
    for free in (1500, 2500):
        needs, _ = listing.needs("default", "default", bytes_a_weight=4, free_mb=free)
        found[free] = {one.role: one for one in needs if one.name == "default"}

    model, embedder = found[1500]["language_model"], found[1500]["embedder"]
    assert (model.round_mb, model.fits) == (2000, False)
    assert (embedder.round_mb, embedder.fits) == (0, True)
    assert "a round with it took 2.0 GB" in str(model)
    assert found[2500]["language_model"].fits


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    whole, free = hardware.memory()
    assert whole >= free > 0

    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert hardware.memory() == (1000, 600)

    (tmp_path / "memory.max").write_text("max\n")
    assert hardware.memory()[0] == whole
