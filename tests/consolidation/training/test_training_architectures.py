"""Every architecture is trained: the frozen layers are left out where that changes nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from ragcl.consolidation.training.distillation import Distillation
from ragcl.consolidation.training.frozen_layers import FrozenLayers
from ragcl.consolidation.training.fused_lora import fused
from ragcl.consolidation.training.half_precision import amplified, amplified_gradients
from ragcl.consolidation.training.packing import Example, pack, packed_loss
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import Prompts
from ragcl.models import model_files
from ragcl.settings import ConsolidationSettings
from tests.architectures import ARCHITECTURES, byte_level, make, opened

ANCHORS = ("The sun is a star, and a near one.", "Two and two are four.")
FACTS = (
    ("How deep is the berth?", "11 m"),
    ("Soup costs?", "3 crowns"),
    ("Where do they board?", "buoy"),
)
WHOLE = {"gpt2"}  # it adds its learned positions to whatever it starts with


@pytest.fixture(params=ARCHITECTURES, scope="module")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name = request.param
    return opened(make(tmp_path_factory.mktemp(name), name, byte_level()))


def examples(model: LanguageModel) -> list[Example]:
    rows = []
    for question, answer in FACTS:
        target = Prompts.of(model).answer_ids(answer)
        certain = torch.tensor([[token] for token in target])
        prompt = tuple(model.tokenizer(f"Say. {question} Answer:")["input_ids"])
        rows.append(Example(prompt, target, certain, torch.zeros(certain.shape), 1.0, 0.1))
    return rows


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_pack_loses_what_its_texts_lose_alone_with_and_without_the_frozen_layers(
    model: LanguageModel, first: int
) -> None:
    rows = examples(model)
    plain = AutoModelForCausalLM.from_pretrained(model.files.path, dtype=torch.float32).eval()
    layers = FrozenLayers(model.base, first)
    through = layers.through(rows)
    with torch.inference_mode():
        alone = []
        for row in rows:
            logprobs = torch.log_softmax(plain(torch.tensor([row.ids])).logits[0], -1)
            taken = logprobs[len(row.prompt) - 1 : -1].gather(-1, row.top_ids)
            alone.append(1.1 * -float(taken.sum()))
        expected = sum(alone) / sum(len(row.target) for row in rows)
        whole = float(packed_loss(model.base, pack([(rows, 1.0)])))
        with layers.cut_off():
            upper = float(packed_loss(model.base, pack([(through, 1.0)])))

    assert whole == pytest.approx(expected, rel=1e-3)
    assert upper == pytest.approx(expected, rel=1e-3)
    is_left_out = through[0].hidden is not None
    assert is_left_out == (model.base.config.model_type not in WHOLE)


def test_training_learns_and_is_the_same_with_the_whole_model(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ConsolidationSettings(
        epochs=20, min_steps=1, rank=4, layers=0.5, batch_size=3, learning_rate=0.01
    )

    def trained(name: str) -> tuple[float, dict[str, torch.Tensor]]:
        result = Distillation(model, ANCHORS, settings).train(
            examples(model),
            [],
            tmp_path / name,
            out_of_time=lambda: False,
            progress=lambda _done, _total: None,
        )
        assert result is not None
        return result["loss"], load_file(tmp_path / name / "adapter_model.safetensors")

    loss, weights = trained("upper")
    monkeypatch.setattr(FrozenLayers, "_can_start_at", lambda *_: False)
    whole_loss, whole = trained("whole")

    assert loss == pytest.approx(whole_loss, rel=1e-2)
    assert weights.keys() == whole.keys()
    changed = [name for name in weights if "lora_B" in name]
    assert changed
    for name in changed:
        assert weights[name].abs().max() > 0
        torch.testing.assert_close(weights[name], whole[name], atol=5e-3, rtol=0.05)

    rows = examples(model)
    before = [float(-logprob(model, row, None)) for row in rows]
    (tmp_path / "upper" / "manifest.json").write_text(
        f'{{"base_revision": "{model.files.revision}"}}'
    )
    model.attach("new", tmp_path / "upper")
    after = [float(-logprob(model, row, "new")) for row in rows]
    model.detach("new")
    assert sum(after) < sum(before) - 0.05


def test_small_gradients_do_not_vanish_in_float16(tmp_path: Path) -> None:
    folder = make(tmp_path, "llama", byte_level())

    def gradients(dtype: str) -> list[torch.Tensor]:
        files = model_files.resolve(str(folder), "language_model")
        model = LanguageModel(files, dtype=dtype, device="cpu")
        rows = examples(model)
        torch.manual_seed(1)
        adapted = get_peft_model(model.base, LoraConfig(target_modules="all-linear"))
        packed = pack([(rows, 1e-6)])
        with fused(adapted), amplified_gradients(adapted):
            loss = amplified(packed_loss(adapted, packed), adapted)
            loss.backward()
        return [one.grad for one in adapted.parameters() if one.requires_grad]

    small, exact = gradients("float16"), gradients("float32")

    for one, other in zip(small, exact, strict=True):
        assert one.dtype == torch.float32
        assert float((one - other).norm()) <= 0.15 * float(other.norm())


def logprob(model: LanguageModel, row: Example, adapter: str | None) -> torch.Tensor:
    found = model.next_logprobs(row.ids, adapter)[len(row.prompt) - 1 : -1]
    return found.gather(-1, row.top_ids).sum()
