"""The layers that a training does not change, computed once instead of in every step.

And the attention with which the others train fastest. Knows no adapter and no loss.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from ragcl.consolidation.training.packing import Example, batches, pack, packed_input, shared_prefix
from ragcl.generation.scoring import PACKED_TOKENS


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
            for group in batches(examples, PACKED_TOKENS):
                output = self._base(
                    **packed_input(pack([(group, 1.0)]), self._base),
                    output_hidden_states=True,
                    logits_to_keep=1,
                )
                states = output.hidden_states[self._first][0].cpu()
                shared = shared_prefix(group)
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
