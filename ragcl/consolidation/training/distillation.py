"""Distillation: study rows to a LoRA adapter, trained from the base model.

The loss is the KL divergence to the teacher's soft labels at the answer's tokens, plus
lambda x cross-entropy on the answer (Hinton et al. 2015). Three terms keep the rest of the model
unchanged: the KL to the base model on anchors, the same KL on answers behind beginnings of anchors,
and the drift penalty. Runs on transformers' Trainer. Knows no chunks, gates or catalog.
"""

import contextlib
import itertools
import math
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import extract_model_from_parallel
from peft import LoraConfig, get_peft_model
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.pytorch_utils import Conv1D

from ragcl.consolidation.recipe import TRAINING
from ragcl.consolidation.training import together
from ragcl.consolidation.training.anchors import tokens
from ragcl.consolidation.training.checkpoints import (
    CHECKPOINT,
    Weights,
    parts_of,
    read_checkpoint,
    restore,
    snapshot,
    write_checkpoint,
)
from ragcl.consolidation.training.drift_penalty import DriftPenalty, recording
from ragcl.consolidation.training.frozen_layers import FrozenLayers, attention_for_training
from ragcl.consolidation.training.fused_lora import fused
from ragcl.consolidation.training.half_precision import amplified, amplified_gradients
from ragcl.consolidation.training.packing import (
    Collator,
    Example,
    batches,
    labelled,
    packed_loss,
    pieces,
    unlabelled,
)
from ragcl.errors import SettingsError
from ragcl.generation.attention import text_config
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.scoring import PACKED_TOKENS, logit_rows
from ragcl.settings import ConsolidationSettings


@dataclass(frozen=True)
class _Task:
    """The arguments of `Distillation.train` that every process needs."""

    examples: Sequence[Example]
    context: Sequence[Example]
    resumed: Weights | None  # the checkpoint, if the training was interrupted before


class Distillation:
    """Trains adapters of one base model, one after another.

    What they share is computed once, from the anchors: the output of the frozen layers, the
    activations for the drift penalty, and the base model's predictions.
    """

    def __init__(
        self, model: LanguageModel, anchors: Sequence[str], settings: ConsolidationSettings
    ) -> None:
        """Prepare to train.

        Args:
            model: the base model; no adapter may be attached to it, here and during training.
            anchors: the texts on which to stay near the base model.
            settings: rank, layers, targets, variant, learning rate and the rest.

        Raises:
            SettingsError: the model has no module of a name in `settings.targets`.
        """
        self._base = model.base
        self._anchors = anchors
        self._settings = settings
        layers = int(text_config(self._base).num_hidden_layers)
        first = layers - max(1, round(layers * settings.layers))
        targets = _targets(self._base, settings.targets)
        self._lora = LoraConfig(
            r=settings.rank,
            lora_alpha=settings.rank,  # scaled below
            lora_dropout=0.0,
            use_rslora=settings.variant == "rslora",
            use_dora=settings.variant == "dora",
            target_modules=sorted(targets),
            fan_in_fan_out=Conv1D in targets.values(),
            layers_to_transform=list(range(first, layers)),
            task_type="CAUSAL_LM",
        )
        self._frozen = FrozenLayers(self._base, first)
        self._texts = [tokens(model, text) for text in anchors]
        replay = self._frozen.through([unlabelled(ids[:1], ids[1:]) for ids in self._texts])
        length = sum(len(one.ids) for one in replay)
        with (
            self._adapted() as adapted,
            self._upper_layers(),
            adapted.disable_adapter(),
            recording(adapted, length) as recorded,
        ):
            replay = [one for text in replay for one in labelled([text], adapted)]
        self._penalty = DriftPenalty(recorded)
        self._lora.lora_alpha *= self._scale()  # type: ignore[assignment]  # it need not be whole
        self._pieces = [piece for one in replay for piece in pieces(one)]

    def train(
        self,
        examples: Sequence[Example],
        context: Sequence[Example],
        folder: Path,
        *,
        out_of_time: Callable[[], bool],
        progress: Callable[[int, int], None],
    ) -> dict[str, float] | None:
        """Train one adapter and write it to `folder`; the base model stays unchanged.

        A checkpoint in `folder`, from an interrupted training, is resumed.

        Args:
            examples: the closed-book examples.
            context: examples with passages in the prompt, mixed in so that the model does not learn
                to ignore its sources (RAFT, arXiv 2403.10131).
            folder: where `adapter_model.safetensors` and its configuration go.
            out_of_time: called after every step: whether to stop and leave a checkpoint.
            progress: called with (steps done, steps in all).

        Returns:
            `loss`, the mean of the last tenth of the steps; `steps`; and the number of `processes`.
            None if it was interrupted.
        """
        task = _Task(examples, context, read_checkpoint(folder))
        together.broadcast((self._anchors, self._settings, task), self._base.device.type)
        return self._train(task, folder, _Progress(out_of_time, progress, task.resumed))

    def _train(self, task: _Task, folder: Path, callback: "_Progress") -> dict[str, float] | None:
        """Train in this process; of several processes only the first writes the adapter."""
        settings, frozen = self._settings, self._frozen
        torch.manual_seed(settings.seed)
        collator = Collator(
            [
                (frozen.through(task.context), 1, TRAINING.context_row_every, 1.0),
                (self._pieces, TRAINING.pieces_a_step, 1, settings.anchor_weight),
                (self._answers_behind_anchors(task.examples), 1, 1, TRAINING.elsewhere_weight),
            ],
            settings.seed,
        )
        rows = frozen.through(task.examples)
        with self._adapted() as adapted:
            self._begin(adapted)
            penalty = self._penalty.of(adapted)
            trainer = _Distiller(
                regulariser=lambda: settings.drift_weight * penalty(),
                model=adapted,
                args=_arguments(settings, folder, self._base.device, len(rows)),
                train_dataset=rows,
                data_collator=collator,
                callbacks=[callback],
            )
            trainer.remove_callback(PrinterCallback)  # standard output is for the result alone
            with self._upper_layers(), fused(adapted), amplified_gradients(adapted):
                trainer.train()
            if together.is_first():
                if callback.checkpoint is None:
                    adapted.save_pretrained(str(folder))
                    (folder / CHECKPOINT).unlink(missing_ok=True)
                else:
                    write_checkpoint(callback.checkpoint, folder)
        if callback.checkpoint is not None:
            return None
        last = callback.losses[-max(1, len(callback.losses) // 10) :]
        return {
            "loss": sum(last) / max(1, len(last)),
            "steps": float(trainer.state.global_step),
            "processes": together.processes(),
        }

    def _begin(self, adapted: Any) -> None:
        """Initialise A away from the anchors' inputs; B is zero, so the model is unchanged."""
        self._penalty.decorrelate(adapted)

    def _scale(self) -> float:
        """The scale of adapters with which one learning rate suits any model.

        A step of the optimizer at rate 1 then changes the output of an adapted map by about as much
        as there is of it. Models differ tenfold in the size of their weights; with one alpha for
        all, a rate that suits one is ten times too large for another.
        """
        torch.manual_seed(self._settings.seed)  # as the adapters that are trained
        with self._adapted() as adapted:
            self._begin(adapted)
            return 1 / self._penalty.step(adapted)

    @torch.inference_mode()
    def _answers_behind_anchors(self, examples: Sequence[Example]) -> list[Example]:
        """Each answer behind the beginning of an anchor, with the base model's labels there.

        Trained behind its question alone, an answer is learned as a continuation of its first token
        and not of the question: a small adapter then completes the name that it knows in any text
        that comes to this token. MEND (arXiv 2110.11309) calls this locality.
        """
        if not self._texts:
            return []
        answers = list(dict.fromkeys(one.target for one in examples))
        chance = random.Random(self._settings.seed)
        beginnings = range(*TRAINING.elsewhere_behind)
        rows = self._frozen.through(
            [
                unlabelled(chance.choice(self._texts)[: chance.choice(beginnings)], target)
                for target in itertools.islice(
                    itertools.cycle(answers), max(TRAINING.elsewhere, len(answers))
                )
            ]
        )
        with self._upper_layers():
            return [
                row
                for batch in batches(rows, min(PACKED_TOKENS, logit_rows(self._base)))
                for row in labelled(batch, self._base)
            ]

    @contextlib.contextmanager
    def _adapted(self) -> Iterator[Any]:
        """The base model with a new adapter, which is removed afterwards."""
        adapted = get_peft_model(self._base, self._lora)
        try:
            yield adapted
        finally:
            adapted.unload()
            self._base.requires_grad_(False)
            self._base.eval()

    @contextlib.contextmanager
    def _upper_layers(self) -> Iterator[None]:
        """Within this context the model starts from the frozen layers' output."""
        with self._frozen.cut_off(), attention_for_training(self._base):
            yield


def train_as_worker(model: LanguageModel) -> None:
    """Train with the first process whatever it trains in a round, until it releases the workers."""
    distillation: Distillation | None = None
    while given := together.broadcast(None, model.base.device.type):
        anchors, settings, task = given
        if distillation is None:  # anchors and settings stay the same in a round
            distillation = Distillation(model, anchors, settings)
        with tempfile.TemporaryDirectory() as name:
            callback = _Progress(lambda: False, lambda _done, _total: None, task.resumed)
            distillation._train(task, Path(name), callback)


def release_workers(model: LanguageModel) -> None:
    """Tell the workers that the round is over."""
    if together.processes() > 1:
        together.broadcast(None, model.base.device.type)


def _arguments(
    settings: ConsolidationSettings, folder: Path, device: torch.device, rows: int
) -> TrainingArguments:
    share = math.ceil(settings.batch_size / together.processes())
    steps = math.ceil(rows / (share * together.processes())) * settings.epochs
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "runs")
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        max_steps=max(settings.min_steps, steps),
        per_device_train_batch_size=share,
        learning_rate=settings.learning_rate,
        adam_beta2=TRAINING.beta2,
        lr_scheduler_type="cosine",
        warmup_steps=TRAINING.warmup,
        weight_decay=0.0,
        logging_steps=1,
        save_strategy="no",
        report_to=[settings.tracker],
        remove_unused_columns=False,
        disable_tqdm=True,
        use_cpu=device.type == "cpu",
        seed=settings.seed,
        dataloader_pin_memory=False,
    )
    if device.type == "cuda" and together.processes() == 1:
        arguments._n_gpu = 1  # one pack is not to be divided among all the devices of a machine
    return arguments


def _targets(base: Any, wanted: Sequence[str]) -> dict[str, type]:
    """The linear maps to adapt, by name: those wanted, or all of the decoder's layers.

    GPT-2's are of a class of their own, with weights `(in, out)`.
    """
    known = {
        name.rsplit(".", 1)[-1]: type(module)
        for name, module in base.get_decoder().named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D)
    }
    if not known.keys() >= {*wanted}:
        raise SettingsError(
            f"consolidation.targets names {', '.join(sorted({*wanted} - known.keys()))}, but the "
            f"layers of this model have {', '.join(sorted(known))}: name some of these, or none "
            "for all."
        )
    return {name: known[name] for name in wanted or known}


class PackTrainer(Trainer):
    """A Trainer whose batches are packs."""

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The loss of the packed examples."""
        model.eval()  # without dropout: the soft labels were made without
        loss = packed_loss(model, inputs)
        return (loss, None) if return_outputs else loss


class _Distiller(PackTrainer):
    """A `PackTrainer` that adds a regulariser to the loss."""

    def __init__(self, *, regulariser: Callable[[], torch.Tensor], **options: Any) -> None:
        super().__init__(**options)
        self._regulariser = regulariser

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The loss of the packed examples plus the regulariser."""
        loss = super().compute_loss(model, inputs)
        loss = loss + self._regulariser().to(loss.device)
        loss = amplified(loss, extract_model_from_parallel(model))
        return (loss, None) if return_outputs else loss


class _Progress(TrainerCallback):
    """Reports progress, keeps the losses, and stops the training when there is no time left.

    `checkpoint` is set when it stopped early. `resumed` is the checkpoint to start from, if any.
    """

    def __init__(
        self,
        out_of_time: Callable[[], bool],
        progress: Callable[[int, int], None],
        resumed: Weights | None,
    ) -> None:
        self._out_of_time = out_of_time
        self._progress = progress
        self._resumed = resumed
        self.losses: list[float] = []
        self.checkpoint: Weights | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._resumed is not None:
            state.global_step = restore(self._resumed, **parts_of(kwargs))

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if logs and "loss" in logs:
            self.losses.append(float(logs["loss"]))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._progress(state.global_step, state.max_steps)
        if together.any_process(self._out_of_time()) and state.global_step < state.max_steps:
            control.should_training_stop = True
            self.checkpoint = snapshot(state.global_step, **parts_of(kwargs))
