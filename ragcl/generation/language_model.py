"""The language model: one frozen base model, any number of adapters, greedy decoding.

Takes prompts of token ids and gives text with log-probabilities; one decoding loop serves batches
and streams. Knows nothing of questions, passages or routes.
"""

import contextlib
import copy
import hashlib
import importlib.util
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ragcl.errors import ModelNotFoundError, SettingsError
from ragcl.generation.attention import check_packing, padded_mask
from ragcl.generation.plain_text import turn_end
from ragcl.generation.scoring import (
    Continuation,
    Fork,
    Prompt,
    Scoring,
    leader,
    log_sums,
    logit_rows,
    packs,
)
from ragcl.models import model_files
from ragcl.models.hardware import choose_device, choose_dtype, quiet_loading
from ragcl.models.model_files import ModelFiles, sha256
from ragcl.once import once
from ragcl.settings import ModelSettings

if TYPE_CHECKING:
    import torch
    from transformers import DynamicCache

BATCH_TOKENS = 6144  # prompt tokens in one batch: bounds memory, fills the processor
WEIGHTS = "adapter_model.safetensors"
DIGEST = "weights_sha256"  # its name in an adapter's manifest
KEPT_PREFIXES = 4


class AnotherBaseError(ModelNotFoundError):
    """An adapter is of another base model: after a change of the model that is as it should be."""


@dataclass(frozen=True)
class Completion:
    """A generated text; `logprob` is the mean over its tokens (nats), with the end token."""

    text: str
    token_ids: tuple[int, ...]
    logprob: float


def weights_digest(folder: Path) -> str:
    """The SHA-256 of an adapter's weights, as in its manifest."""
    return sha256(folder / WEIGHTS)


class LanguageModel:
    """A causal language model with adapters that can be switched between calls.

    Safe to use from several threads: one computes at a time.
    """

    def __init__(
        self,
        files: ModelFiles,
        *,
        dtype: str = "auto",
        device: str = "auto",
        four_bit: bool = False,
    ) -> None:
        # An adapter trained on unquantised weights does not fit quantised ones, nor the reverse.
        self.files = replace(files, revision=f"{files.revision} in 4 bits") if four_bit else files
        self._four_bit = four_bit
        self._dtype = dtype
        self._device = device
        self._lock = threading.RLock()
        self._prefixes: OrderedDict[tuple[str | None, tuple[int, ...]], DynamicCache] = (
            OrderedDict()
        )
        self._peft: Any = None
        self._attached: set[str] = set()
        self._current: str | None = None

    # Loading

    @classmethod
    def of(
        cls, models: ModelSettings, role: Literal["language_model", "teacher"] = "language_model"
    ) -> "LanguageModel":
        """The model that the settings name; it is loaded on first use.

        Raises:
            ModelNotFoundError: its files are not on this machine.
        """
        return cls(
            model_files.resolve(getattr(models, role), role),
            dtype=models.dtype,
            device=models.device,
            four_bit=models.four_bit,
        )

    @once
    def tokenizer(self) -> Any:
        """The model's tokenizer.

        Raises:
            SettingsError: it does not say which characters its tokens spell.
        """
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.files.path, local_files_only=True)
        if not tokenizer.is_fast:
            raise SettingsError(
                f"models.language_model: the tokenizer in {self.files.path} does not say which "
                "characters its tokens spell. Name a model that has a tokenizer.json."
            )
        return tokenizer

    @once
    def context(self) -> int | None:
        """The length of the model's context in tokens; None if it does not say."""
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(self.files.path, local_files_only=True)
        length: int | None = getattr(
            config.get_text_config(decoder=True), "max_position_embeddings", None
        )
        return length

    @once
    def base(self) -> Any:
        """The base model; frozen, in evaluation mode.

        Raises:
            SettingsError: `models.four_bit` is set and bitsandbytes is not installed, or the model
                cannot keep several texts in one row apart.
        """
        from transformers import AutoModelForCausalLM

        quiet_loading()
        device = choose_device(self._device)
        dtype = choose_dtype(self._dtype, device)
        options: dict[str, Any] = {"dtype": dtype, "local_files_only": True}
        if self._four_bit:
            options |= {"device_map": {"": device}, "quantization_config": _four_bits(dtype)}
        model: Any = AutoModelForCausalLM.from_pretrained(self.files.path, **options)
        model.requires_grad_(False)
        # The output head gets a slice of the hidden states. With a slice's strides the product
        # copies the whole vocabulary matrix and takes 20 times as long. With a batch of one, even
        # `contiguous` may keep these strides; a view of its own shape does not.
        model.get_output_embeddings().register_forward_pre_hook(
            lambda _module, inputs: tuple(one.contiguous().view(one.shape) for one in inputs)
        )
        model = model.to(device).eval()
        check_packing(model)
        return model

    @once
    def stop_ids(self) -> frozenset[int]:
        """The tokens that end an answer."""
        configured = self.base.generation_config.eos_token_id
        ids = configured if isinstance(configured, list) else [configured]
        known = [*ids, self.tokenizer.eos_token_id, turn_end(self.tokenizer)]
        return frozenset(i for i in known if i is not None)

    # Adapters

    def attach(self, adapter: str, folder: Path) -> None:
        """Load an adapter from its folder under a name, unless it is there already.

        Raises:
            AnotherBaseError: it was made for another base model.
            ModelNotFoundError: its files are missing or damaged.
        """
        from peft import get_peft_model, set_peft_model_state_dict

        with self._lock:
            if adapter in self._attached:
                return
            config, weights = self._read_adapter(folder)  # at once: it may be removed any moment
            if self._peft is None:
                self._peft = get_peft_model(
                    self.base, config, adapter, autocast_adapter_dtype=False
                )
            else:
                self._peft.add_adapter(adapter, config, autocast_adapter_dtype=False)
            set_peft_model_state_dict(self._peft, weights, adapter_name=adapter)
            self._attached.add(adapter)
            self._peft.to(self.base.dtype).eval()
            self._peft.requires_grad_(False)
            self._current = adapter
            self._switch(None)

    def _read_adapter(self, folder: Path) -> tuple[Any, dict[str, "torch.Tensor"]]:
        """The configuration and the weights of an adapter; each file is read once."""
        from peft import PeftConfig
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            made_for = manifest["base_revision"]
            values = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
            config = PeftConfig.from_peft_type(**{**values, "inference_mode": True})
            data = (folder / WEIGHTS).read_bytes()
            weights = load(data)
            if manifest.get(DIGEST) not in (None, hashlib.sha256(data).hexdigest()):
                raise ValueError("its weights do not match their checksum")
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelNotFoundError(
                f"the adapter in {folder} is incomplete or damaged ({error}): run `ragcl doctor`."
            ) from error
        if made_for != self.files.revision:
            raise AnotherBaseError(
                f"the adapter in {folder} was made for the base model {made_for}, not for "
                f"{self.files.revision}: set models.language_model back, or consolidate again."
            )
        return config, weights

    def detach(self, adapter: str) -> None:
        """Unload an adapter, if it is loaded; after the last one, PEFT's layers are removed too."""
        with self._lock:
            if adapter not in self._attached:
                return
            self._attached.remove(adapter)
            self._drop_prefixes(adapter)
            for other in sorted(self._attached)[:1]:  # PEFT cannot delete the active adapter
                self._switch(other)
            self._switch(None)
            self._peft.delete_adapter(adapter)
            if not self._attached:
                self._peft.unload()
                self._peft = None

    def set_scale(self, adapter: str, factor: float) -> None:
        """Set the scale of an attached adapter to `factor` times that of its training."""
        from peft.tuners.lora import LoraLayer

        with self._lock:
            for module in self._peft.modules():
                if isinstance(module, LoraLayer):
                    module.set_scale(adapter, factor)
            self._drop_prefixes(adapter)

    def _drop_prefixes(self, adapter: str) -> None:
        for key in [key for key in self._prefixes if key[0] == adapter]:
            del self._prefixes[key]

    @property
    def attached(self) -> frozenset[str]:
        """The names of the loaded adapters."""
        return frozenset(self._attached)

    def _switch(self, adapter: str | None) -> None:
        if adapter == self._current:
            return
        if adapter is not None and adapter not in self._attached:
            raise KeyError(f"adapter {adapter} is not attached")
        if adapter is None:
            self._peft.base_model.disable_adapter_layers()
        else:
            self._peft.base_model.enable_adapter_layers()
            self._peft.base_model.set_adapter(adapter, inference_mode=True)
        self._current = adapter

    # Writing

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        adapter: str | None = None,
        max_new_tokens: int,
        progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """Complete every prompt greedily.

        Args:
            prompts: any number; prompts of the same kind and length are computed together.
            adapter: the name of an attached adapter, or None for the base model.
            max_new_tokens: maximum length of a completion; it also ends with the model's context.
            progress: called with the number of prompts done after every batch.

        Returns:
            One completion a prompt, in the order given.
        """
        results: dict[int, Completion] = {}
        for batch in _batches(prompts, BATCH_TOKENS, logit_rows(self.base)):
            steps = list(self._decode([prompts[i] for i in batch], adapter, max_new_tokens))
            for place, i in enumerate(batch):
                taken = [step[place] for step in steps if step[place] is not None]
                results[i] = self._completion([pair for pair in taken if pair is not None])
            if progress:
                progress(len(batch))
        return [results[i] for i in range(len(prompts))]

    def stream(
        self, prompt: Prompt, *, adapter: str | None = None, max_new_tokens: int
    ) -> Iterator[str | Completion]:
        """Complete one prompt: pieces of text as they are written, then the completion."""
        pairs: list[tuple[int, float]] = []
        shown = ""
        for step in self._decode([prompt], adapter, max_new_tokens):
            if step[0] is not None:
                pairs.append(step[0])
            text = self._completion(pairs).text
            # A token may end within a character, which then decodes to a replacement character.
            if text.startswith(shown) and not text.endswith("\ufffd") and len(text) > len(shown):
                yield text[len(shown) :]
                shown = text
        completion = self._completion(pairs)
        if completion.text[len(shown) :]:
            yield completion.text[len(shown) :]
        yield completion

    def next_logprobs(self, ids: Sequence[int], adapter: str | None) -> "torch.Tensor":
        """Log-probabilities of the next token after each of `n`, `(n, vocabulary) float32`."""
        import torch

        with self._lock, torch.inference_mode():
            self._switch(adapter)
            tokens = torch.tensor([list(ids)], device=self.base.device)
            logits = self.base(input_ids=tokens, use_cache=False).logits[0].float()
            return torch.log_softmax(logits, dim=-1).cpu()

    def sequence_logprobs(
        self, sequences: Sequence[Sequence[int]], adapter: str | None
    ) -> list[tuple["torch.Tensor", "torch.Tensor"]]:
        """The log-probabilities of given texts; those of similar length are computed together.

        Returns:
            For every sequence of `n` tokens the log-probabilities (nats) of all but the first,
            `(n - 1,) float32`, and whether each is the likeliest there, `(n - 1,) bool`.
        """
        import torch
        from torch.nn.utils.rnn import pad_sequence

        found: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        budget = logit_rows(self.base)
        for batch in _batches([Prompt(tuple(ids)) for ids in sequences], budget, budget):
            # Padded on the right: no token sees what comes after it.
            rows = [torch.tensor(list(sequences[i])) for i in batch]
            tokens = pad_sequence(rows, batch_first=True).to(self.base.device)
            with self._lock, torch.inference_mode():
                self._switch(adapter)
                logits = self.base(input_ids=tokens, use_cache=False).logits
                sums = log_sums(logits.flatten(0, 1)).view(tokens.shape)[:, :-1]
                logits = logits[:, :-1]
                taken = logits.gather(-1, tokens[:, 1:, None])[..., 0].float()
                values = (taken - sums).cpu()
                likeliest = (logits.argmax(-1) == tokens[:, 1:]).cpu()
            for row, i in enumerate(batch):
                end = len(sequences[i]) - 1
                found[i] = (values[row, :end].clone(), likeliest[row, :end].clone())
        return [found[i] for i in range(len(sequences))]

    def continuations(
        self, forks: Sequence[Fork], *, adapter: str | None = None, keep: int
    ) -> Iterator[list[Continuation]]:
        """Score the `keep` candidates of each prompt with the best starts.

        They are ranked by the log-probability of the start plus the log-prior.

        Short prompts are packed into one row and computed once. So are the kept candidates, each of
        which attends to its prompt and itself: without padding, and without copies of the prompts'
        caches. If all candidates are kept, prompts and candidates share one pass.

        Yields:
            The scored continuations of each fork, in the order given.
        """
        for pack in packs(forks, lambda fork: fork.candidates, logit_rows(self.base)):
            with self._scoring(pack, adapter) as scoring:
                found = scoring.best_starts(keep)
            yield from found

    def likeliest(
        self, forks: Sequence[Fork], *, adapter: str | None = None, keep: int
    ) -> Iterator[Continuation]:
        """The candidate of each prompt with the highest posterior as the whole continuation.

        Branch and bound, in one pass or two. The first pass scores the candidate with the highest
        prior (of equals the first). No candidate is likelier than its first tokens, so the second
        pass scores only those whose bound is higher, at most `keep` with the highest bounds.
        """
        for pack in packs(
            forks, lambda fork: [fork.candidates[leader(fork)]], logit_rows(self.base)
        ):
            with self._scoring(pack, adapter) as scoring:
                found = scoring.likeliest(keep)
            yield from found

    @contextlib.contextmanager
    def _scoring(self, forks: Sequence[Fork], adapter: str | None) -> Iterator[Scoring]:
        """A scoring pass over forks whose prompts have the same shared prefix."""
        import torch

        beginning = forks[0].prompt.ids[: forks[0].prompt.shared]
        with self._lock, torch.inference_mode():
            self._switch(adapter)
            yield Scoring(self.base, forks, self._cache_after(beginning, adapter), self.stop_ids)

    def _completion(self, pairs: Sequence[tuple[int, float]]) -> Completion:
        ids = tuple(token for token, _ in pairs)
        text = self.tokenizer.decode(
            [token for token in ids if token not in self.stop_ids], skip_special_tokens=True
        )
        logprob = sum(value for _, value in pairs) / len(pairs) if pairs else -math.inf
        return Completion(text.strip(), ids, logprob)

    def _decode(
        self,
        prompts: Sequence[Prompt],
        adapter: str | None,
        max_new_tokens: int,
    ) -> Iterator[list[tuple[int, float] | None]]:
        """Each step gives (the likeliest token, its log-probability), None for a finished prompt.

        The lock is held for one step at a time, so that a slow reader of a stream blocks no other.
        """
        import torch

        with self._lock, torch.inference_mode():
            self._switch(adapter)
            cache, mask, positions, ids = self._prepare(prompts, adapter)
            logits = self._forward(ids, cache, mask, positions)
        ended = [False] * len(prompts)
        if self.context is not None:
            longest = max(len(prompt.ids) for prompt in prompts)
            max_new_tokens = min(max_new_tokens, max(1, self.context - longest))
        for step in range(max_new_tokens):
            logprobs = torch.log_softmax(logits.float(), dim=-1)
            tokens = logprobs.argmax(dim=-1)
            values = logprobs.gather(-1, tokens[:, None])[:, 0]
            pairs = list(zip(tokens.tolist(), values.tolist(), strict=True))
            yield [None if done else pair for done, pair in zip(ended, pairs, strict=True)]
            ended = [
                done or token in self.stop_ids
                for done, (token, _) in zip(ended, pairs, strict=True)
            ]
            if all(ended) or step + 1 == max_new_tokens:
                return
            with self._lock, torch.inference_mode():
                self._switch(adapter)
                positions = torch.cat([positions, positions[:, -1:] + 1], dim=1)
                mask = torch.cat([mask, mask.new_ones(len(prompts), 1)], dim=1)
                logits = self._forward(tokens[:, None], cache, mask, positions)

    def _prepare(
        self, prompts: Sequence[Prompt], adapter: str | None
    ) -> tuple["DynamicCache", "torch.Tensor", "torch.Tensor", "torch.Tensor"]:
        """Left-padded inputs after the shared prefix, whose keys and values are reused.

        Returns:
            The cache; for the prefix and the inputs, `(batch, m)`, the mask, 0 for padding, and the
            positions; and the ids of the inputs.
        """
        import torch

        shared = min(prompt.shared for prompt in prompts)
        cache = self._cache_after(prompts[0].ids[:shared], adapter)
        if shared and len(prompts) > 1:
            cache.batch_repeat_interleave(len(prompts))
        rests = [prompt.ids[shared:] for prompt in prompts]
        width = max(len(rest) for rest in rests)
        device = self.base.device
        ids = torch.zeros(len(prompts), width, dtype=torch.long, device=device)
        mask = torch.zeros(len(prompts), shared + width, dtype=torch.long, device=device)
        mask[:, :shared] = 1
        positions = torch.arange(shared + width, device=device).repeat(len(prompts), 1)
        for row, rest in enumerate(rests):
            pad = width - len(rest)
            ids[row, pad:] = torch.tensor(rest, device=device)
            mask[row, shared + pad :] = 1
            positions[row, shared:] -= pad
        positions.clamp_(min=0)
        return cache, mask, positions, ids

    def _cache_after(self, prefix: tuple[int, ...], adapter: str | None) -> "DynamicCache":
        """A cache that contains a prefix, which may be empty."""
        from transformers import DynamicCache

        return _growing(self._prefix(prefix, adapter)) if prefix else DynamicCache()

    def _prefix(self, ids: tuple[int, ...], adapter: str | None) -> "DynamicCache":
        import torch
        from transformers import DynamicCache

        key = (adapter, ids)
        if key not in self._prefixes:
            # Made without the configuration, it keeps all tokens in layers with sliding windows
            # too. Else it would keep the last of a row, which are not the last of every prompt.
            cache = DynamicCache()
            tokens = torch.tensor([ids], device=self.base.device)
            self.base(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
            self._prefixes[key] = cache
            while len(self._prefixes) > KEPT_PREFIXES:
                self._prefixes.popitem(last=False)
        self._prefixes.move_to_end(key)
        return self._prefixes[key]

    def _forward(
        self,
        ids: "torch.Tensor",
        cache: "DynamicCache",
        mask: "torch.Tensor",
        positions: "torch.Tensor",
    ) -> "torch.Tensor":
        """Logits of the last position, `(batch, vocabulary)`; `mask` and `positions` of all."""
        new = ids.shape[1]
        output = self.base(
            input_ids=ids,
            past_key_values=cache,
            attention_mask=padded_mask(mask, positions, new, self.base),
            position_ids=positions[:, -new:],
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = output.logits[:, -1]
        return logits


def _growing(cache: "DynamicCache") -> "DynamicCache":
    """A copy of a cache that can grow without changing the original.

    No tensor is copied, since a growing layer allocates new ones.
    """
    copied = copy.copy(cache)
    copied.layers = [copy.copy(layer) for layer in cache.layers]
    return copied


def _four_bits(dtype: "torch.dtype") -> Any:
    """The configuration for 4-bit weights with computation in `dtype`."""
    from transformers import BitsAndBytesConfig

    if importlib.util.find_spec("bitsandbytes") is None:
        raise SettingsError(
            "models.four_bit needs the package bitsandbytes, which is not installed: "
            "`pip install 'ragcl[four-bit]'`, or leave the setting out."
        )
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )


def _batches(prompts: Sequence[Prompt], tokens: int, rows: int) -> Iterator[list[int]]:
    """Indices of prompts with the same shared prefix and of similar length, longest first.

    A batch has at most `tokens` tokens, with padding, and at most `rows` prompts.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, prompt in enumerate(prompts):
        groups.setdefault(prompt.ids[: prompt.shared], []).append(i)
    for group in groups.values():
        group.sort(key=lambda i: -len(prompts[i].ids))
        while group:
            size = max(1, min(rows, tokens // len(prompts[group[0]].ids)))
            yield group[:size]
            group = group[size:]
