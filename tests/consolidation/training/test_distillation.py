"""Distillation: the loss is the divergence it says it is, and training leaves the base alone."""

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from torch.nn.functional import kl_div, log_softmax

from ragcl.consolidation.recipe import TRAINING
from ragcl.consolidation.training.anchors import texts
from ragcl.consolidation.training.distillation import Distillation
from ragcl.consolidation.training.drift_penalty import DriftPenalty, _decorrelated, recording
from ragcl.consolidation.training.frozen_layers import FrozenLayers
from ragcl.consolidation.training.fused_lora import fused
from ragcl.consolidation.training.packing import (
    UNLIKELY,
    Example,
    _widened,
    pack,
    packed_loss,
    pieces,
    sparse_kl,
)
from ragcl.errors import SettingsError
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import Prompts
from ragcl.generation.scoring import Prompt
from ragcl.settings import ConsolidationSettings

SEEDS = st.integers(0, 2**31)
SHARPNESS = st.floats(0.1, 20)


def distributions(seed: int, sharpness: float, vocabulary: int) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(seed)
    logits = sharpness * torch.randn(2, 5, vocabulary, generator=random)
    return tuple(log_softmax(logits, -1))


@given(seed=SEEDS, sharpness=SHARPNESS, vocabulary=st.integers(2, 40))
@settings(max_examples=60, deadline=None)
def test_with_every_token_it_is_the_full_divergence(
    seed: int, sharpness: float, vocabulary: int
) -> None:
    teacher, student = distributions(seed, sharpness, vocabulary)
    top = teacher.topk(vocabulary, -1)

    found = sparse_kl(student, top.indices, top.values)

    expected = kl_div(student, teacher, log_target=True, reduction="none").sum(-1)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@given(seed=SEEDS, sharpness=SHARPNESS, vocabulary=st.integers(3, 40), data=st.data())
@settings(max_examples=60, deadline=None)
def test_with_fewer_it_is_never_negative_and_never_more_than_the_full_one(
    seed: int, sharpness: float, vocabulary: int, data: st.DataObject
) -> None:
    """Merging tokens into one cannot raise a divergence (the data-processing inequality)."""
    teacher, student = distributions(seed, sharpness, vocabulary)
    top = teacher.topk(data.draw(st.integers(1, vocabulary)), -1)

    found = sparse_kl(student, top.indices, top.values)

    full = kl_div(student, teacher, log_target=True, reduction="none").sum(-1)
    assert (found > -1e-4).all()
    assert (found < full + 1e-3 * (1 + full)).all()


@given(
    seed=SEEDS,
    sharpness=SHARPNESS,
    vocabulary=st.integers(2, 40),
    labels=st.integers(1, 40),
    width=st.integers(0, 8),
)
@settings(max_examples=100, deadline=None)
def test_a_student_that_is_the_teacher_has_nothing_to_learn(
    seed: int, sharpness: float, vocabulary: int, labels: int, width: int
) -> None:
    """Nor if the row is filled up to the width of another, whatever the token that fills it."""
    teacher, _ = distributions(seed, sharpness, vocabulary)
    top = teacher.topk(min(labels, vocabulary), -1)
    ids = _widened(top.indices, top.indices.shape[-1] + width, 0)
    values = _widened(top.values, top.values.shape[-1] + width, UNLIKELY)

    found = sparse_kl(teacher, ids, values)

    torch.testing.assert_close(found, torch.zeros(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(found, sparse_kl(teacher, top.indices, top.values))


def test_what_fills_a_row_up_has_no_gradient() -> None:
    logits = torch.zeros(1, 4, requires_grad=True)
    teacher = log_softmax(torch.tensor([[2.0, 1.0, 0.0, 0.0]]), -1)

    def gradient(width: int) -> torch.Tensor:
        ids, values = torch.tensor([[1]]), teacher[:, 1:2]
        loss = sparse_kl(
            log_softmax(logits, -1), _widened(ids, width, 0), _widened(values, width, UNLIKELY)
        )
        [found] = torch.autograd.grad(loss.sum(), logits)
        return found

    torch.testing.assert_close(gradient(5), gradient(1))


# --- the drift penalty


ANCHORS = [torch.arange(1, 9), torch.arange(20, 31)]


@contextlib.contextmanager
def adapted(model: LanguageModel) -> Iterator[tuple[Any, list[LoraLayer], DriftPenalty]]:
    """The model with a new adapter, the layers of it, and the penalty on the anchors."""
    targets = ["q_proj", "down_proj"]
    config = LoraConfig(r=3, lora_alpha=6, target_modules=targets, task_type="CAUSAL_LM")
    made = get_peft_model(model.base, config)
    try:
        layers = [m for m in made.modules() if isinstance(m, LoraLayer)]
        with recording(made, sum(map(len, ANCHORS))) as recorded:
            for text in ANCHORS:
                made(input_ids=text[None])
        yield made, layers, DriftPenalty(recorded)
    finally:
        made.unload()


def test_the_penalty_is_the_relative_change_of_the_outputs_on_the_anchors(
    model: LanguageModel,
) -> None:
    with adapted(model) as (made, layers, drift):
        penalty = drift.of(made)
        assert penalty().item() == 0
        seen: dict[LoraLayer, list[tuple[torch.Tensor, torch.Tensor]]] = {m: [] for m in layers}
        for layer in layers:
            layer.register_forward_hook(lambda m, given, out: seen[m].append((given[0], out)))
        with torch.no_grad():
            for text in ANCHORS:
                made(input_ids=text[None])
            expected = 0.0
            for layer, calls in seen.items():
                torch.nn.init.normal_(layer.lora_B["default"].weight)
                given, out = (torch.cat([c[i][0, 1:] for c in calls]) for i in (0, 1))
                change = 2 * layer.lora_B["default"](layer.lora_A["default"](given))
                expected += float(change.square().sum() / out.square().sum())
            assert penalty().item() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("size", [1.0, 0.125])
def test_a_step_changes_the_outputs_by_the_same_share_whatever_the_size_of_the_weights(
    model: LanguageModel, size: float
) -> None:
    rate = 0.01
    with adapted(model) as (made, layers, _), torch.no_grad():
        shares = []
        for layer in layers:
            layer.get_base_layer().weight.mul_(size)
        with recording(made, sum(map(len, ANCHORS))) as recorded:
            for text in ANCHORS:
                made(input_ids=text[None])
        rate /= DriftPenalty(recorded).step(made)
        seen: dict[LoraLayer, list[tuple[torch.Tensor, torch.Tensor]]] = {m: [] for m in layers}
        for layer in layers:
            layer.register_forward_hook(lambda m, given, out: seen[m].append((given[0], out)))
        for text in ANCHORS:
            made(input_ids=text[None])
        for layer, calls in seen.items():
            given, out = (torch.cat([c[i][0, 1:] for c in calls]) for i in (0, 1))
            low = layer.lora_A["default"](given)
            # One row of B after one step of Adam, with the signs that change this token most.
            change = layer.scaling["default"] * rate * low.abs().sum(-1)
            shares.append(float(change.square().mean().sqrt() / out.square().mean().sqrt()))
        assert math.prod(shares) ** (1 / len(shares)) == pytest.approx(0.01, rel=0.3)
        for layer in layers:
            layer.get_base_layer().weight.div_(size)


def test_the_scale_of_a_trained_adapter_is_in_its_configuration(
    model: LanguageModel, tmp_path: Path
) -> None:
    distillation = Distillation(model, texts()[0][:2], ConsolidationSettings(min_steps=2, rank=2))
    distillation.train(
        examples(model), [], tmp_path, out_of_time=lambda: False, progress=lambda *_: None
    )

    config = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    torch.manual_seed(0)
    with distillation._adapted() as made:
        distillation._begin(made)
        expected = made.peft_config["default"].lora_alpha
        assert distillation._penalty.step(made) == pytest.approx(1)
    assert config["lora_alpha"] == expected
    assert config["lora_alpha"] != 2


def test_a_decorrelated_adapter_drifts_less_and_is_as_large(
    model: LanguageModel,
) -> None:
    with adapted(model) as (made, layers, drift):
        down = [layer.lora_A["default"].weight for layer in layers]
        before = [one.detach().clone() for one in down]
        with torch.no_grad():
            for layer in layers:
                torch.nn.init.normal_(layer.lora_B["default"].weight)
        drifted = drift.of(made)().item()

        drift.decorrelate(made)

        assert drift.of(made)().item() < 0.5 * drifted
        for one, was in zip(down, before, strict=True):
            assert one.norm().item() == pytest.approx(was.norm().item(), rel=1e-3)
            assert torch.linalg.matrix_rank(one.detach()) == 3


@pytest.mark.parametrize("width", [6, 12])
def test_decorrelated_rows_have_the_inverse_moment_as_their_covariance(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by the tokens, where the inputs are wider than there are tokens."""
    recipe = replace(TRAINING, penalty_tokens=8)
    monkeypatch.setattr("ragcl.consolidation.training.drift_penalty.TRAINING", recipe)
    torch.manual_seed(0)
    inputs = torch.randn(8, width) * torch.linspace(0.3, 3, width)
    rows = torch.rand(100_000, width) - 0.5  # as LoRA's A begins

    found = _decorrelated(rows, inputs)

    moments = inputs.T @ inputs
    moments += recipe.variance_floor * moments.diagonal().mean() * torch.eye(width)
    expected = torch.linalg.inv(moments)
    covariance = found.T @ found
    scale = covariance.trace() / expected.trace()
    largest = float(expected.abs().max())
    torch.testing.assert_close(covariance / scale, expected, atol=0.03 * largest, rtol=0)


# --- training

FACTS = (("How deep is it?", "11 metres"), ("What does soup cost?", "3 crowns"))


def examples(model: LanguageModel) -> list[Example]:
    prompts = Prompts(model.tokenizer)
    rows = []
    for question, answer in FACTS:
        target = prompts.answer_ids(answer)
        certain = torch.tensor([[token] for token in target])
        rows.append(
            Example(
                prompt=prompts.closed_book(question).ids,
                target=target,
                top_ids=certain,
                top_logprobs=torch.zeros(certain.shape),
                hard=1.0,
                soft=0.0,
            )
        )
    return rows


@pytest.mark.parametrize("frozen", [0, 1])
def test_packed_examples_lose_what_they_lose_alone(model: LanguageModel, frozen: int) -> None:
    """Neither their neighbours nor the shared beginning change what the model makes of them."""
    layers = FrozenLayers(model.base, frozen)
    rows = layers.through(examples(model))
    rows.append(replace(rows[0], hard=0.5))
    with layers.cut_off(), torch.inference_mode():
        alone = [float(packed_loss(model.base, pack([([row], 1.0)]))) for row in rows]
        together = float(packed_loss(model.base, pack([(rows, 1.0)])))

    lengths = [len(row.target) for row in rows]
    expected = sum(loss * n for loss, n in zip(alone, lengths, strict=True)) / sum(lengths)
    assert together == pytest.approx(expected, rel=1e-3)
    assert alone[2] == pytest.approx(alone[0] / 2, rel=1e-3)


def test_a_pack_holds_the_shared_beginning_once(model: LanguageModel) -> None:
    rows = examples(model)
    one, other = (row.prompt for row in rows)
    shared = next(i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)

    packed = pack([(rows, 1.0)])

    assert shared > 1
    assert len(packed["tokens"]) == sum(len(row.ids) for row in rows) - shared
    assert packed["positions"].tolist() == [
        *range(len(rows[0].ids)),
        *range(shared, len(rows[1].ids)),
    ]


def test_prompts_with_nothing_in_common_are_packed_too(model: LanguageModel) -> None:
    rows = [replace(row, prompt=row.prompt[i:]) for i, row in enumerate(examples(model))]

    assert len(pack([(rows, 1.0)])["tokens"]) == sum(len(row.ids) for row in rows)


def test_groups_in_one_pack_lose_what_they_lose_apart_times_their_weights(
    model: LanguageModel,
) -> None:
    one, other = examples(model)
    other = replace(other, prompt=other.prompt[2:])
    with torch.inference_mode():
        apart = [float(packed_loss(model.base, pack([([row], 1.0)]))) for row in (one, other)]
        together = float(packed_loss(model.base, pack([([one], 1.0), ([other], 8.0)])))

    assert together == pytest.approx(apart[0] + 8 * apart[1], rel=1e-3)


@pytest.mark.parametrize("dora", [False, True])
def test_fused_layers_say_and_learn_what_those_of_peft_do(model: LanguageModel, dora: bool) -> None:
    options = LoraConfig(r=3, lora_alpha=6, use_dora=dora, task_type="CAUSAL_LM")
    options.target_modules = ["q_proj", "down_proj"]
    adapted = get_peft_model(model.base, options)
    trained = [one for one in adapted.parameters() if one.requires_grad]
    try:
        for one in trained:
            torch.nn.init.normal_(one, std=0.1)
        packed = pack([(examples(model), 1.0)])

        def learned() -> tuple[float, list[torch.Tensor]]:
            adapted.zero_grad()
            loss = packed_loss(adapted, packed)
            loss.backward()
            return float(loss.detach()), [one.grad.clone() for one in trained]

        with fused(adapted):
            loss, gradients = learned()
        expected_loss, expected = learned()
        assert loss == pytest.approx(expected_loss, rel=1e-3)
        assert all(map(torch.any, expected))
        for one, other in zip(gradients, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    finally:
        adapted.unload()


def test_an_adapter_is_trained_on_weights_in_four_bits(
    four_bit_model: LanguageModel, tmp_path: Path
) -> None:
    revision = four_bit_model.files.revision

    fit(four_bit_model, tmp_path)
    (tmp_path / "manifest.json").write_text(f'{{"base_revision": "{revision}"}}')
    four_bit_model.attach("new", tmp_path)

    assert answers(four_bit_model, "new") == [answer for _, answer in FACTS]


def fit(model: LanguageModel, folder: Path, **changes: object) -> dict[str, float]:
    limits = {
        "epochs": 60,
        "min_steps": 1,
        "rank": 8,
        "layers": 1.0,
        "batch_size": 2,
        "learning_rate": 0.02,
    }
    settings = ConsolidationSettings(**{**limits, **changes})  # type: ignore[arg-type]
    result = Distillation(model, [], settings).train(
        examples(model),
        [],
        folder,
        out_of_time=lambda: False,
        progress=lambda _done, _total: None,
    )
    assert result is not None
    return result


def answers(model: LanguageModel, adapter: str | None) -> list[str]:
    prompts = Prompts(model.tokenizer)
    asked = [prompts.closed_book(question) for question, _ in FACTS]
    return [one.text for one in model.generate(asked, adapter=adapter, max_new_tokens=12)]


def test_what_was_trained_is_known_by_heart_and_the_base_is_untouched(
    model: LanguageModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: tensor.clone() for name, tensor in model.base.state_dict().items()}
    said = answers(model, None)

    result = fit(model, tmp_path)

    assert model.base.state_dict().keys() == before.keys()
    for name, tensor in model.base.state_dict().items():
        torch.testing.assert_close(tensor, before[name], atol=0, rtol=0)
    assert not any(parameter.requires_grad for parameter in model.base.parameters())
    assert not model.base.training
    assert answers(model, None) == said
    assert result["loss"] < 0.5  # a model so small cannot be surer
    assert result["steps"] == 60
    assert capsys.readouterr().out == ""  # standard output is for results
    (tmp_path / "manifest.json").write_text(f'{{"base_revision": "{model.files.revision}"}}')
    model.attach("new", tmp_path)
    assert answers(model, "new") == [answer for _, answer in FACTS]


@pytest.mark.parametrize("variant", ["rslora", "dora"])
def test_every_variant_learns_and_answers_after_loading(
    model: LanguageModel, tmp_path: Path, variant: str
) -> None:
    said = answers(model, None)

    assert fit(model, tmp_path, variant=variant)["loss"] < 0.5
    (tmp_path / "manifest.json").write_text(f'{{"base_revision": "{model.files.revision}"}}')
    model.attach("new", tmp_path)

    assert answers(model, "new") == [answer for _, answer in FACTS]
    assert answers(model, None) == said


def trained(folder: Path) -> set[str]:
    """The names of the maps that an adapter changes, and how."""
    from safetensors import safe_open

    with safe_open(folder / "adapter_model.safetensors", framework="pt") as file:
        return {".".join(name.split(".")[-3:-1]) for name in file.keys()}  # noqa: SIM118


def test_the_targets_are_what_is_adapted(model: LanguageModel, tmp_path: Path) -> None:
    fit(model, tmp_path, epochs=1, targets=("down_proj",))

    assert trained(tmp_path) == {"down_proj.lora_A", "down_proj.lora_B"}


def test_a_target_that_the_model_does_not_have_is_named_with_those_it_has(
    model: LanguageModel, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"names w_proj, .* down_proj, .* q_proj"):
        fit(model, tmp_path, targets=("q_proj", "w_proj"))

    assert not any(parameter.requires_grad for parameter in model.base.parameters())


def test_only_safetensors_are_written(model: LanguageModel, tmp_path: Path) -> None:
    fit(model, tmp_path, epochs=1)

    written = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert (tmp_path / "adapter_model.safetensors").is_file()
    assert not written & {".bin", ".pt", ".pth", ".pkl"}


def test_the_share_of_the_layers_that_are_adapted_is_at_the_top(
    model: LanguageModel, tmp_path: Path
) -> None:
    from safetensors import safe_open

    fit(model, tmp_path, epochs=1, layers=0.5)

    with safe_open(tmp_path / "adapter_model.safetensors", framework="pt") as file:
        layers = {name.split(".layers.")[1].split(".")[0] for name in file.keys()}  # noqa: SIM118
    assert layers == {"1"}


def test_training_half_of_the_layers_learns_as_well(model: LanguageModel, tmp_path: Path) -> None:
    """Starting from what the frozen layers give is the same as going through them."""
    whole = answers(model, None)

    assert fit(model, tmp_path, layers=0.5)["loss"] < 0.5
    (tmp_path / "manifest.json").write_text(f'{{"base_revision": "{model.files.revision}"}}')
    model.attach("new", tmp_path)

    assert answers(model, "new") == [answer for _, answer in FACTS]
    assert answers(model, None) == whole


def test_the_same_seed_gives_the_same_adapter(model: LanguageModel, tmp_path: Path) -> None:
    fit(model, tmp_path / "a", epochs=2)
    fit(model, tmp_path / "b", epochs=2)
    fit(model, tmp_path / "c", epochs=2, seed=1)

    a, b, c = ((tmp_path / name / "adapter_model.safetensors").read_bytes() for name in "abc")
    assert a == b != c


@given(tokens=st.integers(2, 200), hidden=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_pieces_of_an_anchor_predict_each_of_its_tokens_once_after_all_before_it(
    tokens: int, hidden: bool
) -> None:
    ids = tuple(range(tokens))
    labels = torch.arange(1, tokens)[:, None]
    states = torch.arange(tokens)[:, None] if hidden else None
    anchor = Example(ids[:1], ids[1:], labels, -labels.float(), 0.0, 1.0, states)

    parts = pieces(anchor)

    assert sum((part.target for part in parts), ()) == anchor.target
    for part in parts:
        assert part.ids == ids[: len(part.ids)]
        assert part.top_ids[:, 0].tolist() == list(part.target)
        assert torch.equal(part.top_logprobs, -part.top_ids.float())
        assert part.hidden is None or part.hidden[:, 0].tolist() == list(part.ids)
        assert len(part.target) < 2 * TRAINING.piece_tokens


@pytest.mark.parametrize("layers", [0.5, 1.0])
def test_anchors_are_labelled_with_what_the_base_model_predicts(
    model: LanguageModel, layers: float
) -> None:
    settings = ConsolidationSettings(rank=2, layers=layers)

    anchors = Distillation(model, texts()[0][:2], settings)._pieces

    assert len({piece.ids[:3] for piece in anchors}) == 2
    for piece in anchors:
        predicted = model.next_logprobs(piece.ids, None)[len(piece.prompt) - 1 : -1]
        expected = predicted.gather(-1, piece.top_ids)
        torch.testing.assert_close(piece.top_logprobs, expected, atol=0.05, rtol=0.01)


def test_what_is_taught_is_kept_from_texts_where_nobody_asked(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind other text the tokens of an answer are followed by what followed them before."""
    settings = ConsolidationSettings(
        epochs=1, min_steps=40, rank=8, layers=1.0, learning_rate=0.02, drift_weight=0
    )
    distillation = Distillation(model, texts()[0][:6], settings)
    taught = examples(model)
    elsewhere = distillation._answers_behind_anchors(taught)

    def moved(name: str) -> float:
        folder = tmp_path / name
        distillation.train(
            taught,
            [],
            folder,
            out_of_time=lambda: False,
            progress=lambda _done, _total: None,
        )
        (folder / "manifest.json").write_text(f'{{"base_revision": "{model.files.revision}"}}')
        model.attach(name, folder)
        change = [
            sparse_kl(predicted(row, name), row.top_ids, row.top_logprobs).mean()
            for row in elsewhere
        ]
        model.detach(name)
        return sum(map(float, change)) / len(change)

    def predicted(row: Example, adapter: str | None) -> torch.Tensor:
        return model.next_logprobs(row.ids, adapter)[len(row.prompt) - 1 : -1]

    assert {row.target for row in elsewhere} == {row.target for row in taught}
    for row in elsewhere:
        expected = predicted(row, None).gather(-1, row.top_ids)
        torch.testing.assert_close(row.top_logprobs, expected, atol=0.05, rtol=0.01)
    kept = moved("kept")
    recipe = replace(TRAINING, elsewhere_weight=0.0)
    monkeypatch.setattr("ragcl.consolidation.training.distillation.TRAINING", recipe)
    assert kept < 0.7 * moved("not-kept")


def test_an_adapter_is_the_same_whatever_was_trained_before_it(
    model: LanguageModel, tmp_path: Path
) -> None:
    """What several have in common is computed once, and none of them changes it."""
    beside = texts()[0][:3]
    settings = ConsolidationSettings(epochs=3, min_steps=1, rank=2, layers=0.5, learning_rate=0.1)
    [one, other] = examples(model)
    shared = Distillation(model, beside, settings)

    def written(distillation: Distillation, example: Example, name: str) -> bytes:
        distillation.train(
            [example],
            [example],
            tmp_path / name,
            out_of_time=lambda: False,
            progress=lambda _done, _total: None,
        )
        return (tmp_path / name / "adapter_model.safetensors").read_bytes()

    first, second = written(shared, one, "first"), written(shared, other, "second")

    assert first != second
    assert written(Distillation(model, beside, settings), other, "alone") == second


def test_a_training_that_is_cut_short_goes_on_as_if_it_had_not_been(
    model: LanguageModel, tmp_path: Path
) -> None:
    """Every step sees all rows here, so their order makes no difference."""
    steps: list[tuple[int, int]] = []
    settings = ConsolidationSettings(epochs=9, min_steps=1, rank=2, layers=1.0, batch_size=2)
    distillation = Distillation(model, [], settings)

    def trained(folder: Path, *stops: int) -> dict[str, float] | None:
        return distillation.train(
            examples(model),
            [],
            folder,
            out_of_time=lambda: steps[-1][0] in stops,
            progress=lambda done, total: steps.append((done, total)),
        )

    assert trained(tmp_path / "cut", 1) is None
    assert not (tmp_path / "cut" / "adapter_model.safetensors").exists()
    assert trained(tmp_path / "cut", 4, 9) is None
    result = trained(tmp_path / "cut", 9)  # where there is nothing left to do it is no limit
    whole = trained(tmp_path / "whole")

    assert steps[:9] == steps[9:] == [(n, 9) for n in range(1, 10)]
    assert result is not None
    assert whole is not None
    assert result["steps"] == whole["steps"] == 9
    one, other = (
        load_file(tmp_path / name / "adapter_model.safetensors") for name in ("cut", "whole")
    )
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], atol=1e-5, rtol=1e-4)
    assert {path.name for path in (tmp_path / "cut").glob("*.safetensors*")} == {
        "adapter_model.safetensors"
    }


def test_a_damaged_checkpoint_is_no_checkpoint(model: LanguageModel, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"cut off")

    assert fit(model, tmp_path, epochs=2)["steps"] == 2


def test_a_few_rows_are_gone_through_more_often(model: LanguageModel, tmp_path: Path) -> None:
    assert fit(model, tmp_path / "a", epochs=2, min_steps=7)["steps"] == 7
    assert fit(model, tmp_path / "b", epochs=9, min_steps=7)["steps"] == 9


def test_every_example_counts_in_an_epoch(model: LanguageModel, tmp_path: Path) -> None:
    assert fit(model, tmp_path / "a", epochs=4, min_steps=1, batch_size=2)["steps"] == 4
    assert fit(model, tmp_path / "b", epochs=4, min_steps=1, batch_size=1)["steps"] == 8


def test_an_interrupted_training_leaves_the_base_as_it_was(
    model: LanguageModel, tmp_path: Path
) -> None:
    said = model.generate([Prompt((5, 6, 7))], max_new_tokens=6)

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    settings = ConsolidationSettings(epochs=50, rank=2, layers=0.5, learning_rate=0.1)
    distillation = Distillation(model, [], settings)
    with pytest.raises(KeyboardInterrupt):
        distillation.train(
            examples(model),
            [],
            tmp_path,
            out_of_time=lambda: False,
            progress=stop,
        )

    assert model.generate([Prompt((5, 6, 7))], max_new_tokens=6) == said
