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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import extract_model_from_parallel
from peft import LoraConfig, get_peft_model
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.nn.functional import log_softmax
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.pytorch_utils import Conv1D

from ragcl.consolidation.recipe import TRAINING
from ragcl.consolidation.training import together
from ragcl.consolidation.training.anchors import likeliest, tokens
from ragcl.consolidation.training.drift_penalty import DriftPenalty, model_input, recording
from ragcl.consolidation.training.fused_lora import fused
from ragcl.errors import SettingsError
from ragcl.generation.attention import attention_mask, text_config
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.scoring import PACKED_TOKENS, logit_rows
from ragcl.settings import ConsolidationSettings

AMPLIFICATION = 1024.0  # of gradients in float16
UNLIKELY = -30.0  # nats: the padding of soft labels, where a row has fewer than another

Weights = Mapping[str, torch.Tensor]  # an adapter's tensors, by their names in its file
STEP = "step"
CHECKPOINT = "checkpoint.safetensors"  # in an adapter's folder, of an interrupted training


@dataclass(frozen=True)
class Example:
    """Token ids of a prompt and a target; soft labels `(len(target), k)`.

    `hard` is the weight of the cross-entropy, `soft` that of the KL divergence. `hidden`,
    `(len(prompt) + len(target), width)`, is the output of the frozen layers, if it was computed.
    """

    prompt: tuple[int, ...]
    target: tuple[int, ...]
    top_ids: torch.Tensor
    top_logprobs: torch.Tensor
    hard: float
    soft: float
    hidden: torch.Tensor | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """The prompt and the target."""
        return self.prompt + self.target


@dataclass(frozen=True)
class _Task:
    """The arguments of `Distillation.train` that every process needs."""

    examples: Sequence[Example]
    context: Sequence[Example]
    resumed: Weights | None  # the checkpoint, if the training was interrupted before


def sparse_kl(
    logprobs: torch.Tensor, top_ids: torch.Tensor, top_logprobs: torch.Tensor
) -> torch.Tensor:
    """KL(teacher || student) over the teacher's top tokens, with all others merged into one.

    Args:
        logprobs: the student's, `(..., vocabulary)`.
        top_ids: `(..., k)` the teacher's likeliest tokens.
        top_logprobs: `(..., k)` the teacher's log-probabilities of them. Values of at most
            `UNLIKELY` are padding, whatever their token is, and count to the others.

    Returns:
        `(...)`, nats.
    """
    student = logprobs.gather(-1, top_ids).masked_fill(top_logprobs <= UNLIKELY, UNLIKELY)
    top_logprobs = top_logprobs.clamp_min(UNLIKELY)
    teacher = top_logprobs.exp()
    kl = (teacher * (top_logprobs - student)).sum(-1)
    rest = (1 - teacher.sum(-1)).clamp_min(1e-6)
    student_rest = (1 - student.exp().sum(-1)).clamp_min(1e-6)
    return kl + rest * (rest.log() - student_rest.log())


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
        self._pieces = [piece for one in replay for piece in _pieces(one)]

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
        task = _Task(examples, context, _read_checkpoint(folder))
        together.broadcast((self._anchors, self._settings, task), self._base.device.type)
        return self._train(task, folder, _Progress(out_of_time, progress, task.resumed))

    def _train(self, task: _Task, folder: Path, callback: "_Progress") -> dict[str, float] | None:
        """Train in this process; of several processes only the first writes the adapter."""
        settings, frozen = self._settings, self._frozen
        torch.manual_seed(settings.seed)
        collator = _Collator(
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
                    _write_checkpoint(callback.checkpoint, folder)
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
                for batch in _batches(rows, min(PACKED_TOKENS, logit_rows(self._base)))
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


class FrozenLayers:
    """The layers below the lowest adapted one: their output is constant, so it is computed once.

    A trial run tells whether the decoder is a plain stack, which may be started at a middle layer.
    If it is not, nothing is frozen, and every step runs the whole model.
    """

    def __init__(self, base: Any, first: int) -> None:
        """`first` is the number of frozen layers, which is the index of the first adapted one."""
        self._base = base
        self._first = first if first and self._can_start_at(first) else 0

    @torch.inference_mode()
    def through(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with the output of the frozen layers."""
        if not self._first:
            return list(examples)
        done: list[Example] = []
        with self._only(slice(self._first + 1)), attention_for_training(self._base):
            for group in _batches(examples, PACKED_TOKENS):
                output = self._base(
                    **packed_input(pack([(group, 1.0)]), self._base),
                    output_hidden_states=True,
                    logits_to_keep=1,
                )
                states = output.hidden_states[self._first][0].cpu()
                shared = _shared(group)
                own = states[shared:].split([len(one.ids) - shared for one in group])
                done += [
                    replace(one, hidden=torch.cat([states[:shared], rest]))
                    for one, rest in zip(group, own, strict=True)
                ]
        return done

    @contextlib.contextmanager
    def _only(self, part: slice) -> Iterator[None]:
        """Within this context the decoder has only these of its layers."""
        decoder = self._base.get_decoder()
        whole, kinds = decoder.layers, getattr(decoder.config, "layer_types", None)
        decoder.layers = whole[part]
        if kinds:  # by which a layer gets its mask, and may get its rotation
            decoder.config.layer_types = kinds[part]
        try:
            yield
        finally:
            decoder.layers = whole
            if kinds:
                decoder.config.layer_types = kinds

    @contextlib.contextmanager
    def cut_off(self) -> Iterator[None]:
        """Within this context the decoder starts at the first layer that is not frozen."""
        with self._only(slice(self._first, None)) if self._first else contextlib.nullcontext():
            yield

    @torch.inference_mode()
    def _can_start_at(self, first: int) -> bool:
        base = self._base
        if not isinstance(getattr(base.get_decoder(), "layers", None), torch.nn.ModuleList):
            return False
        ids = torch.arange(1, 9, device=base.device)[None]
        whole = base(input_ids=ids, use_cache=False, output_hidden_states=True)
        try:
            with self._only(slice(first, None)):
                upper = base(inputs_embeds=whole.hidden_states[first], use_cache=False)
        except (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError):
            return False  # it needs more than the hidden states
        # The same computation again: what differs is more than rounding.
        error = (whole.logits - upper.logits).abs().max()
        return bool(error <= 16 * torch.finfo(base.dtype).eps * whole.logits.abs().max())


@contextlib.contextmanager
def attention_for_training(base: Any) -> Iterator[None]:
    """Within this context attention on a CPU is eager: plain matrix products.

    PyTorch's fused CPU kernel takes about twice as long on the short sequences here, mostly in the
    backward pass.
    """
    chosen = base.config._attn_implementation
    if base.device.type == "cpu":
        base.set_attn_implementation("eager")
    try:
        yield
    finally:
        base.set_attn_implementation(chosen)


@contextlib.contextmanager
def amplified_gradients(adapted: Any) -> Iterator[None]:
    """Within this context small gradients do not vanish in float16.

    Those of an `amplified` loss pass through the model `AMPLIFICATION` times as large, and reach
    the adapter's weights, which are in float32, as they are. What overflows counts as 0.
    """
    small = adapted.dtype == torch.float16
    hooks = [
        weight.register_hook(lambda gradient: (gradient / AMPLIFICATION).nan_to_num(0, 0, 0))
        for weight in adapted.parameters()
        if small and weight.requires_grad
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def amplified(loss: torch.Tensor, model: Any) -> torch.Tensor:
    """The same loss, with larger gradients for a model in float16."""
    if model.dtype != torch.float16:
        return loss
    larger: torch.Tensor = _Amplified.apply(loss)  # type: ignore[no-untyped-call]
    return larger


class _Amplified(torch.autograd.Function):
    """The identity, whose gradient is multiplied by `AMPLIFICATION`."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0] * AMPLIFICATION


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


class _Collator:
    """Adds replay examples to a batch of rows.

    Each kind of `replay` is (examples, count in a batch, one batch in how many, loss weight).
    """

    def __init__(
        self, replay: Sequence[tuple[Sequence[Example], int, int, float]], seed: int
    ) -> None:
        self._step = 0
        self._replay = [
            (_shuffled(examples, seed), min(count, len(examples)), every, weight)
            for examples, count, every, weight in replay
            if examples
        ]

    def __call__(self, examples: list[Example]) -> dict[str, Any]:
        groups: list[tuple[Sequence[Example], float]] = [(examples, 1.0)]
        for order, count, every, weight in self._replay:
            if self._step % every == 0:
                groups.append(([next(order) for _ in range(count)], weight))
        self._step += 1
        return pack(groups)


def unlabelled(prompt: tuple[int, ...], target: tuple[int, ...]) -> Example:
    """An example whose soft labels are placeholders, to be computed by `labelled`."""
    labels = torch.zeros(len(target), 1)
    return Example(prompt, target, labels.long(), labels, hard=0.0, soft=1.0)


def labelled(examples: Sequence[Example], model: Any) -> list[Example]:
    """The examples with the model's predictions at their targets as soft labels (one pack)."""
    packed = pack([(examples, 1.0)])
    output = model(**packed_input(packed, model), logits_to_keep=packed["places"])
    labels = likeliest(log_softmax(output.logits[0].float(), dim=-1).cpu())
    top_ids, top_logprobs = (one.split([len(e.target) for e in examples]) for one in labels)
    return [
        replace(one, top_ids=ids, top_logprobs=logprobs)
        for one, ids, logprobs in zip(examples, top_ids, top_logprobs, strict=True)
    ]


def _pieces(anchor: Example) -> list[Example]:
    """An anchor in pieces, each with all tokens before it as its prompt."""
    ids, before, size = anchor.ids, len(anchor.prompt), TRAINING.piece_tokens
    ends = [*range(before + size, len(ids) - size // 2, size), len(ids)]
    return [
        replace(
            anchor,
            prompt=ids[:start],
            target=ids[start:end],
            top_ids=anchor.top_ids[start - before : end - before],
            top_logprobs=anchor.top_logprobs[start - before : end - before],
            hidden=None if anchor.hidden is None else anchor.hidden[:end],
        )
        for start, end in itertools.pairwise([before, *ends])
    ]


def _shuffled(examples: Sequence[Example], seed: int) -> Iterator[Example]:
    random = torch.Generator().manual_seed(seed)
    while True:
        for i in torch.randperm(len(examples), generator=random).tolist():
            yield examples[i]


def pack(groups: Sequence[tuple[Sequence[Example], float]]) -> dict[str, torch.Tensor]:
    """Groups of examples, each with its weight in the loss, as one sequence of `n` tokens.

    A group begins with the prefix that all its prompts share. The rest of each example follows and
    attends to that prefix and to itself. So the output is that of the example alone, but the prefix
    is computed once and nothing is padded.

    Returns:
        `tokens`, `(n,)` ids or `(n, width)` hidden states; `visible`, `(n, n) bool`, the attention
        mask; `positions`, `(n,)`. For the `t` target tokens: `places`, `(t,)`, the positions whose
        logits predict them; `target`, `(t,)`; `top_ids` and `top_logprobs`, `(t, k)`; `hard` and
        `soft`, `(t,)`, scaled so that the loss is a plain sum: each group's mean per token, times
        its weight.
    """
    k = max(e.top_ids.shape[-1] for examples, _ in groups for e in examples)
    parts = [_packed(examples, weight, k) for examples, weight in groups]
    starts = itertools.accumulate((len(part["tokens"]) for part in parts), initial=0)
    for part, start in zip(parts, starts, strict=False):
        part["places"] += start
    visible = torch.block_diag(*(part.pop("visible") for part in parts)).bool()
    return {"visible": visible} | {
        name: torch.cat([part[name] for part in parts]) for name in parts[0]
    }


def _packed(examples: Sequence[Example], weight: float, k: int) -> dict[str, torch.Tensor]:
    """One group of `pack`, with `k` soft labels a token."""
    shared = _shared(examples)
    ends = list(itertools.accumulate((len(e.ids) - shared for e in examples), initial=shared))
    positions = torch.arange(ends[-1])
    visible = torch.zeros(ends[-1], ends[-1], dtype=torch.bool)
    visible[:, :shared] = True
    places = []
    for example, start, end in zip(examples, ends, ends[1:], strict=False):
        positions[start:end] -= start - shared
        visible[start:end, start:end] = True
        places.append(torch.arange(end - len(example.target), end) - 1)
    whole = [_states(e) for e in examples]
    lengths = torch.tensor([len(e.target) for e in examples])
    hard = torch.tensor([e.hard for e in examples]).repeat_interleave(lengths)
    soft = torch.tensor([e.soft for e in examples]).repeat_interleave(lengths)
    share = weight / ((hard + soft) > 0).sum().clamp_min(1)
    return {
        "tokens": torch.cat([whole[0][:shared], *(one[shared:] for one in whole)]),
        "visible": visible.tril(),
        "positions": positions,
        "places": torch.cat(places),
        "target": torch.tensor([token for e in examples for token in e.target]),
        "hard": share * hard,
        "soft": share * soft,
        "top_ids": torch.cat([_widened(e.top_ids, k, 0) for e in examples]),
        "top_logprobs": torch.cat([_widened(e.top_logprobs, k, UNLIKELY) for e in examples]),
    }


def packed_input(packed: dict[str, torch.Tensor], model: Any) -> dict[str, Any]:
    """The arguments of the model for a pack."""
    return {
        **model_input(packed["tokens"][None].to(model.device)),
        "attention_mask": attention_mask(packed["visible"], packed["positions"], model),
        "position_ids": packed["positions"][None].to(model.device),
        "use_cache": False,
    }


def _batches(examples: Sequence[Example], tokens: int) -> Iterator[list[Example]]:
    """The examples in order, in batches of about `tokens` tokens."""
    ends = itertools.accumulate(len(one.ids) for one in examples)
    pairs = zip(ends, examples, strict=True)
    for _, batch in itertools.groupby(pairs, lambda pair: pair[0] // tokens):
        yield [one for _, one in batch]


def _states(example: Example) -> torch.Tensor:
    """The model's input for an example: `(n,)` ids or `(n, width)` hidden states."""
    return torch.tensor(example.ids) if example.hidden is None else example.hidden


def _shared(examples: Sequence[Example]) -> int:
    """The length of the prompts' common prefix, without the last token of any prompt."""
    prompts = [e.prompt[:-1] for e in examples]
    first, last = min(prompts), max(prompts)
    return next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b),
        min(len(first), len(last)),
    )


def _widened(values: torch.Tensor, k: int, filler: float) -> torch.Tensor:
    return torch.nn.functional.pad(values, (0, k - values.shape[-1]), value=filler)


def packed_loss(model: Any, packed: dict[str, torch.Tensor]) -> torch.Tensor:
    """The loss of a pack: the weighted cross-entropy and KL divergence at the targets."""
    given = packed_input(packed, extract_model_from_parallel(model))
    output = model(**given, logits_to_keep=packed["places"])
    logprobs = log_softmax(output.logits[0].float(), dim=-1)
    hard = -logprobs.gather(-1, packed["target"][:, None])[:, 0]
    soft = sparse_kl(logprobs, packed["top_ids"], packed["top_logprobs"])
    loss: torch.Tensor = (packed["hard"] * hard + packed["soft"] * soft).sum()
    return loss


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
            state.global_step = _restore(self._resumed, **_parts(kwargs))

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if logs and "loss" in logs:
            self.losses.append(float(logs["loss"]))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._progress(state.global_step, state.max_steps)
        if together.any_process(self._out_of_time()) and state.global_step < state.max_steps:
            control.should_training_stop = True
            self.checkpoint = _snapshot(state.global_step, **_parts(kwargs))


# Checkpoints: the Trainer's own are pickled, and hold the base model as well.


def _parts(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The trained parameters, optimizer and scheduler among a callback's arguments."""
    trained = extract_model_from_parallel(kwargs["model"]).named_parameters()
    return {
        "trained": {name: one for name, one in trained if one.requires_grad},
        "optimizer": kwargs["optimizer"],
        "scheduler": kwargs["lr_scheduler"],
    }


def _snapshot(
    step: int, *, trained: Mapping[str, torch.Tensor], optimizer: Any, scheduler: Any
) -> Weights:
    """A checkpoint: the step, and each weight with its optimizer state, by name."""
    tensors = {STEP: torch.tensor(step)}
    for name, weight in trained.items():
        for part, value in {"weight": weight, **optimizer.state[weight]}.items():
            tensors[f"{part} {name}"] = value.detach().cpu().clone()
    return tensors


def _restore(
    resumed: Weights, *, trained: Mapping[str, torch.Tensor], optimizer: Any, scheduler: Any
) -> int:
    """Restore weights, optimizer and scheduler from a checkpoint; returns its step."""
    step = int(resumed[STEP])
    every = [weight for group in optimizer.param_groups for weight in group["params"]]
    known: dict[int, dict[str, torch.Tensor]] = {place: {} for place in range(len(every))}
    places = {id(weight): place for place, weight in enumerate(every)}
    for key in resumed.keys() - {STEP}:
        part, _, name = key.partition(" ")
        if part == "weight":
            with torch.no_grad():
                trained[name].copy_(resumed[key])
        else:
            known[places[id(trained[name])]][part] = resumed[key]
    optimizer.load_state_dict({**optimizer.state_dict(), "state": known})
    scheduler.last_epoch = step
    rates = zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
    for group, (rate, at) in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate * at(step)
    return step


def _write_checkpoint(checkpoint: Weights, folder: Path) -> None:
    """Write a checkpoint atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{CHECKPOINT}.tmp"
    save_file(dict(checkpoint), str(temporary))
    os.replace(temporary, folder / CHECKPOINT)


def _read_checkpoint(folder: Path) -> Weights | None:
    """The checkpoint in a folder; None if there is none or it cannot be read."""
    try:
        found: Weights = load_file(str(folder / CHECKPOINT))
    except (OSError, SafetensorError):
        return None
    return found
