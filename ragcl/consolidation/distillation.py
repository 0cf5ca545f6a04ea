"""Distillation: study rows to a LoRA adapter, trained from the base model.

The loss is the KL divergence to the teacher's soft labels at the answer's tokens, plus
lambda x cross-entropy on the answer (Hinton et al. 2015), plus the same KL on anchors. Runs on
transformers' Trainer. Knows nothing of chunks, gates or the catalog.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import log_softmax
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from ragcl.consolidation.anchors import Anchor
from ragcl.generation.language_model import LanguageModel
from ragcl.settings import ConsolidationSettings

ANCHORS_A_STEP = 2


@dataclass(frozen=True)
class Example:
    """Token ids of a prompt and a target; soft labels `(len(target), TOP)`.

    `hard` is the weight of the cross-entropy, `soft` that of the KL divergence.
    """

    prompt: tuple[int, ...]
    target: tuple[int, ...]
    top_ids: torch.Tensor
    top_logprobs: torch.Tensor
    hard: float
    soft: float


def sparse_kl(
    logprobs: torch.Tensor, top_ids: torch.Tensor, top_logprobs: torch.Tensor
) -> torch.Tensor:
    """KL(teacher || student) over the teacher's top tokens with all others as one more token.

    Args:
        logprobs: the student's, `(..., vocabulary)`.
        top_ids: `(..., k)` tokens that the teacher finds likeliest.
        top_logprobs: `(..., k)` the teacher's log-probabilities of them.

    Returns:
        `(...)`, nats.
    """
    student = logprobs.gather(-1, top_ids)
    teacher = top_logprobs.exp()
    kl = (teacher * (top_logprobs - student)).sum(-1)
    rest = (1 - teacher.sum(-1)).clamp_min(1e-6)
    student_rest = (1 - student.exp().sum(-1)).clamp_min(1e-6)
    return kl + rest * (rest.log() - student_rest.log())


def train(
    model: LanguageModel,
    examples: Sequence[Example],
    anchors: Sequence[Anchor],
    folder: Path,
    settings: ConsolidationSettings,
    *,
    deadline: float,
    progress: Callable[[int, int], None],
) -> dict[str, float]:
    """Train one adapter and write it to `folder`; the base model is left as it was.

    Args:
        model: the base model; no adapter may be attached to it.
        examples: the rows to learn.
        anchors: the texts on which to stay near the base model.
        folder: where `adapter_model.safetensors` and its configuration go.
        settings: rank, layers, learning rate and the rest.
        deadline: seconds since the epoch at which to stop early.
        progress: called with (steps done, steps in all).

    Returns:
        `loss`, the mean of the last tenth of the steps, and `steps`.
    """
    base = model.base
    layers = int(base.config.num_hidden_layers)
    first = layers - max(1, round(layers * settings.layers))
    torch.manual_seed(settings.seed)
    adapted = get_peft_model(
        base,
        LoraConfig(
            r=settings.rank,
            lora_alpha=2 * settings.rank,
            lora_dropout=0.0,
            target_modules=_linear_layers(base),
            layers_to_transform=list(range(first, layers)),
            task_type="CAUSAL_LM",
        ),
    )
    watch = _Watch(deadline, progress)
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(folder / "runs"))
    trainer = _Distiller(
        model=adapted,
        args=TrainingArguments(
            output_dir=str(folder / "trainer"),
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=0.05,
            weight_decay=0.0,
            logging_steps=1,
            save_strategy="no",
            report_to=["tensorboard"],
            remove_unused_columns=False,
            disable_tqdm=True,
            use_cpu=base.device.type == "cpu",
            seed=settings.seed,
            dataloader_pin_memory=False,
        ),
        train_dataset=_Examples(examples),
        data_collator=_Collator(anchors, settings.seed),
        callbacks=[watch],
    )
    trainer.anchor_weight = settings.anchor_weight
    try:
        trainer.train()
        adapted.save_pretrained(str(folder))
    finally:
        adapted.unload()
        base.requires_grad_(False)
        base.eval()
    last = watch.losses[-max(1, len(watch.losses) // 10) :]
    return {"loss": sum(last) / max(1, len(last)), "steps": float(len(watch.losses))}


def _linear_layers(base: Any) -> list[str]:
    """The names of the linear maps inside the decoder's layers (not the output head)."""
    return sorted(
        {
            name.rsplit(".", 1)[-1]
            for name, module in base.get_decoder().named_modules()
            if isinstance(module, torch.nn.Linear)
        }
    )


class _Examples(Dataset[Example]):
    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> Example:
        return self._examples[index]


class _Collator:
    """Left-padded rows, so that every target stands at the end, and a few anchors with each."""

    def __init__(self, anchors: Sequence[Anchor], seed: int) -> None:
        self._anchors = anchors
        self._order = self._shuffled(torch.Generator().manual_seed(seed))

    def __call__(self, examples: list[Example]) -> dict[str, Any]:
        rows = [
            Example(a.ids[:1], a.ids[1:], a.top_ids[:-1], a.top_logprobs[:-1], 0.0, 1.0)
            for a in (next(self._order) for _ in range(ANCHORS_A_STEP if self._anchors else 0))
        ]
        return {"rows": _pad(examples), "anchors": _pad(rows) if rows else None}

    def _shuffled(self, random: torch.Generator) -> Iterator[Anchor]:
        while True:
            for i in torch.randperm(len(self._anchors), generator=random).tolist():
                yield self._anchors[i]


def _pad(examples: Sequence[Example]) -> dict[str, torch.Tensor]:
    """A batch: tokens `(rows, width)`, and what is asked of the last `targets` places."""
    width = max(len(e.prompt) + len(e.target) for e in examples)
    targets = max(len(e.target) for e in examples)
    k = max(e.top_ids.shape[-1] for e in examples)
    n = len(examples)
    batch = {
        "input_ids": torch.zeros(n, width, dtype=torch.long),
        "attention_mask": torch.zeros(n, width, dtype=torch.long),
        "position_ids": torch.zeros(n, width, dtype=torch.long),
        "target": torch.zeros(n, targets, dtype=torch.long),
        "top_ids": torch.zeros(n, targets, k, dtype=torch.long),
        "top_logprobs": torch.full((n, targets, k), -30.0),
        "hard": torch.zeros(n, targets),
        "soft": torch.zeros(n, targets),
    }
    for row, example in enumerate(examples):
        ids = torch.tensor([*example.prompt, *example.target])
        length = len(example.target)
        batch["input_ids"][row, -len(ids) :] = ids
        batch["attention_mask"][row, -len(ids) :] = 1
        batch["position_ids"][row, -len(ids) :] = torch.arange(len(ids))
        batch["target"][row, -length:] = ids[-length:]
        known = example.top_ids.shape[-1]
        batch["top_ids"][row, -length:, :known] = example.top_ids
        batch["top_logprobs"][row, -length:, :known] = example.top_logprobs
        batch["hard"][row, -length:] = example.hard
        batch["soft"][row, -length:] = example.soft
    return batch


class _Distiller(Trainer):  # type: ignore[misc]
    """A Trainer whose loss compares the model with soft and hard labels."""

    anchor_weight = 1.0

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **_: Any
    ) -> Any:
        """The mean loss a token of the rows, plus that of the anchors times their weight."""
        loss = self._loss(model, inputs["rows"])
        if inputs["anchors"] is not None:
            loss = loss + self.anchor_weight * self._loss(model, inputs["anchors"])
        return (loss, None) if return_outputs else loss

    @staticmethod
    def _loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        places = batch["target"].shape[1]
        output = model(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            position_ids=batch["position_ids"],
            use_cache=False,
            logits_to_keep=places + 1,
        )
        logprobs = log_softmax(output.logits[:, :-1].float(), dim=-1)
        hard = -logprobs.gather(-1, batch["target"][..., None])[..., 0]
        soft = sparse_kl(logprobs, batch["top_ids"], batch["top_logprobs"])
        counted = ((batch["hard"] + batch["soft"]) > 0).sum().clamp_min(1)
        loss: torch.Tensor = (batch["hard"] * hard + batch["soft"] * soft).sum() / counted
        return loss


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Passes on progress, keeps the losses and stops the training at the deadline."""

    def __init__(self, deadline: float, progress: Callable[[int, int], None]) -> None:
        self._deadline = deadline
        self._progress = progress
        self.losses: list[float] = []

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if logs and "loss" in logs:
            self.losses.append(logs["loss"])

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._progress(state.global_step, state.max_steps)
        if time.time() >= self._deadline:
            control.should_training_stop = True
