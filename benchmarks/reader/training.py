"""Training the reader: a LoRA on all linear maps of the default model, on lessons.

Lessons are packed so that what several questions share is computed once; a few anchors in every
step keep the model as it is elsewhere. Runs on transformers' Trainer. Knows no documents.
"""

import math
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import TrainerCallback, TrainingArguments

from ragcl.consolidation.training.anchors import tokens
from ragcl.consolidation.training.distillation import PackTrainer
from ragcl.consolidation.training.frozen_layers import attention_for_training
from ragcl.consolidation.training.fused_lora import fused
from ragcl.consolidation.training.packing import Example, labelled, pack, unlabelled
from ragcl.generation.language_model import LanguageModel

RANK = 16
LEARNING_RATE = 8e-4
PACK_TOKENS = 640  # in one row: attention is computed among all of them
PACKS_A_STEP = 3
ANCHOR_WEIGHT = 1.0
QUESTIONS_A_PACK = 6.0  # about so many, by which losses are scaled

Group = Sequence[Example]  # that share a beginning


def train(
    model: LanguageModel,
    groups: Sequence[Group],
    anchors: Sequence[str],
    folder: Path,
    *,
    passes: float,
    seconds: float,
    seed: int,
) -> dict[str, float]:
    """Train one adapter on groups of examples and write it to `folder`.

    Args:
        model: the base model, which is left as it was.
        groups: in any order; each pass sees them all, shuffled.
        anchors: texts on which the model is to stay as it is.
        folder: where the adapter goes, with checkpoints.
        passes: over all groups.
        seconds: after which training stops; the schedule is laid out for the passes.
        seed: of the order and the weights to begin with.

    Returns:
        What the training was: tokens, steps, seconds, the loss at its end.
    """
    base = model.base
    with torch.inference_mode(), attention_for_training(base):
        beside = [
            labelled([unlabelled(ids[:1], ids[1:])], base)[0]
            for ids in (tokens(model, text) for text in anchors)
        ]
    packs = _packs(groups, beside, passes, seed)
    torch.manual_seed(seed)
    adapted = get_peft_model(
        base, LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear")
    )
    watch = _Watch(seconds)
    started = time.time()
    trainer = PackTrainer(
        model=adapted,
        args=TrainingArguments(
            output_dir=str(folder / "checkpoints"),
            max_steps=len(packs) // PACKS_A_STEP,
            per_device_train_batch_size=1,
            gradient_accumulation_steps=PACKS_A_STEP,
            learning_rate=LEARNING_RATE,
            adam_beta2=0.98,
            lr_scheduler_type="linear",
            warmup_steps=0.05,
            weight_decay=0.01,
            logging_steps=10,
            save_strategy="steps",
            save_steps=100,
            save_total_limit=2,
            report_to=[],
            remove_unused_columns=False,
            disable_tqdm=True,
            use_cpu=base.device.type == "cpu",
            seed=seed,
            dataloader_pin_memory=False,
        ),
        train_dataset=_InOrder(packs),
        data_collator=lambda rows: pack(rows[0]),
        callbacks=[watch],
    )
    trainer._get_train_sampler = lambda *_: None  # in the order of the packs
    with attention_for_training(base), fused(adapted):
        trainer.train()
    adapted.save_pretrained(str(folder))
    adapted.unload()
    base.requires_grad_(False)
    base.eval()
    return {
        "steps": trainer.state.global_step,
        "tokens": sum(len(e.ids) for one in groups for e in one),
        "seconds": round(time.time() - started),
        "loss": sum(watch.losses[-10:]) / max(1, len(watch.losses[-10:])),
    }


def size(group: Group) -> int:
    """How many tokens a group takes in a row: what its prompts share counts once."""
    if len(group) == 1:
        return len(group[0].ids)
    first, last = min(e.prompt for e in group), max(e.prompt for e in group)
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return shared + sum(len(e.ids) - shared for e in group)


def _packs(
    groups: Sequence[Group], anchors: Sequence[Example], passes: float, seed: int
) -> list[list[tuple[Group, float]]]:
    """The rows of all passes: of similar size, each with its groups and their weights."""
    chance = random.Random(seed)
    packs: list[list[tuple[Group, float]]] = []
    row: list[tuple[Group, float]] = []
    filled = 0
    for done in range(math.ceil(passes)):
        order = list(groups)
        chance.shuffle(order)
        for group in order[: round(len(order) * min(1.0, passes - done))]:
            tokens_of_it = size(group)
            if row and filled + tokens_of_it > PACK_TOKENS:
                packs.append(row)
                row, filled = [], 0
            row.append((group, sum(e.hard for e in group) / QUESTIONS_A_PACK))
            filled += tokens_of_it
    packs.append(row)
    for number, one in enumerate(packs):
        if anchors and number % PACKS_A_STEP == 0:
            one.append(([chance.choice(anchors)], ANCHOR_WEIGHT))
    return packs


class _InOrder(torch.utils.data.Dataset[Any]):
    def __init__(self, packs: Sequence[Any]) -> None:
        self._packs = packs

    def __len__(self) -> int:
        return len(self._packs)

    def __getitem__(self, index: int) -> Any:
        return self._packs[index]


class _Watch(TrainerCallback):
    """Says how it goes, and stops when time is up."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.time() + seconds
        self.losses: list[float] = []

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if logs and "loss" in logs:
            self.losses.append(float(logs["loss"]))
            print(f"step {state.global_step} of {state.max_steps}: loss {logs['loss']}", flush=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if time.time() >= self._deadline:
            control.should_training_stop = True
