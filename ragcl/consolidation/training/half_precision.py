"""Training in float16: gradients that would vanish are amplified on their way.

Other types of numbers are left as they are. Knows no loss.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

AMPLIFICATION = 1024.0  # of gradients in float16


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
