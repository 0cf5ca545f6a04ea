"""A faster forward and backward pass of LoRA layers in training, in the base model's dtype.

PEFT keeps the low-rank factors in float32, casts every input to float32 and back, and scales and
adds in separate passes over the activations. Beside bfloat16 products these passes take most of the
time. Here a layer is three products forward and five backward; the factors and their gradients stay
in float32. Only plain LoRA on plain linear maps is replaced: other layers stay PEFT's.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.functional import linear


@contextlib.contextmanager
def fused(adapted: Any) -> Iterator[None]:
    """Within this context the plain LoRA layers of a PEFT model use the fused computation."""
    from peft.tuners.lora import LoraLayer

    layers: list[Any] = [m for m in adapted.modules() if isinstance(m, LoraLayer) and _is_plain(m)]
    for layer in layers:
        layer.forward = functools.partial(_forward, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # uncovers the method of the class


def _is_plain(layer: Any) -> bool:
    """Whether it is an unquantised linear map with one adapter, without dropout and DoRA."""
    return (
        type(layer.get_base_layer()) is torch.nn.Linear
        and len(layer.active_adapters) == 1
        and not any(layer.use_dora.values())
        and all(isinstance(one, torch.nn.Identity) for one in layer.lora_dropout.values())
    )


def _forward(layer: Any, states: torch.Tensor) -> torch.Tensor:
    [name] = layer.active_adapters
    base = layer.get_base_layer()
    output: torch.Tensor = _LowRankUpdate.apply(  # type: ignore[no-untyped-call]
        states,
        base.weight,
        base.bias,
        layer.lora_A[name].weight,
        layer.lora_B[name].weight,
        layer.scaling[name],
    )
    return output


class _LowRankUpdate(torch.autograd.Function):
    """x W' + bias + s x A' B', where W and the bias are frozen."""

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        down, up = down.to(states.dtype), (scaling * up).to(states.dtype)
        flat = states.flatten(0, -2)
        low = flat @ down.T
        output = torch.addmm(linear(flat, weight, bias), low, up.T)
        ctx.save_for_backward(flat, weight, down, up, low)
        ctx.scaling = scaling
        return output.view(*states.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, weight, down, up, low = ctx.saved_tensors
        [gradient] = gradients
        given = gradient.flatten(0, -2)
        low_gradient = given @ up
        of_states = None
        if ctx.needs_input_grad[0]:
            of_states = torch.addmm(given @ weight, low_gradient, down)
            of_states = of_states.view(*gradient.shape[:-1], -1)
        of_down = (low_gradient.T @ flat).float()
        of_up = ctx.scaling * (given.T @ low).float()
        return of_states, None, None, of_down, of_up, None
