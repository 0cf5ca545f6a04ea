"""The drift penalty: what an adapter changes inside the model on texts it is to leave alone.

It is the mean of |s B A x|^2 / |W x|^2 over tokens of the anchors, summed over the adapted linear
maps W with input x: a quadratic penalty a layer, as in Ritter et al. (arXiv 1805.07810). The inputs
are those of the base model, kept once, so it costs no pass through the model. What DoRA changes in
the lengths of the rows of W is not in it. The same inputs say where an adapter had better begin.
Knows no rows.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from ragcl.consolidation.recipe import TRAINING


@dataclass(frozen=True)
class Heard:
    """What adapted maps are given and give: the inputs, and the sum of the outputs' squares."""

    inputs: dict[Any, list[torch.Tensor]]
    sizes: dict[Any, float]


@contextlib.contextmanager
def listening(adapted: Any, tokens: int) -> Iterator[Heard]:
    """Within it texts go through a PEFT model, one at a time, and its adapted maps are heard.

    Its adapter is switched off, and `tokens` is how many there are in all.
    """
    maps = list(_adapted_maps(adapted)) if tokens else []
    heard = Heard({one: [] for one in maps}, dict.fromkeys(maps, 0.0))
    # Without the first token: nothing precedes it, and its activations dwarf all others.
    kept = slice(1, None, max(1, math.ceil(tokens / TRAINING.penalty_tokens)))

    def keep(one: Any, given: tuple[torch.Tensor], output: torch.Tensor) -> None:
        heard.inputs[one].append(given[0][0, kept])
        heard.sizes[one] += float(output[0, kept].float().square().sum())

    hooks = [one.register_forward_hook(keep) for one in maps]
    try:
        with torch.no_grad():
            yield heard
    finally:
        for hook in hooks:
            hook.remove()


class DriftPenalty:
    """Of any adapter of the same maps; quadratic in its updates, and 0 for none."""

    def __init__(self, heard: Heard) -> None:
        """`heard` is what the base model gives the adapted maps on the anchors; it is used up."""
        # Maps of one shape go together: many small products take longer than a few large ones.
        alike: dict[tuple[int, int], list[Any]] = {}
        for one in heard.inputs:
            alike.setdefault((one.in_features, one.out_features), []).append(one)
        self._groups = [
            (group, torch.stack([_condensed(heard, one) for one in group]))
            for group in alike.values()
        ]

    def of(self, adapted: Any) -> Callable[[], torch.Tensor]:
        """What gives the penalty of the adapter of a PEFT model as it is now, a scalar."""
        layers = _adapted_maps(adapted)
        groups = [([layers[one] for one in group], given) for group, given in self._groups]

        def penalty() -> torch.Tensor:
            total = torch.zeros((), device=adapted.device)
            for group, given in groups:
                [name] = group[0].active_adapters
                down = torch.stack([one.lora_A[name].weight for one in group]).to(given.dtype)
                up = torch.stack([one.scaling[name] * one.lora_B[name].weight for one in group])
                passed = (given @ down.mT).float()
                total = total + ((passed.mT @ passed) * (up.mT.float() @ up.float())).sum()
            return total

        return penalty

    @torch.no_grad()
    def set_apart(self, adapted: Any) -> None:
        """Turn every A of a new adapter towards what the anchors have little of.

        Its random rows get the inverse of C as their covariance, where C is the second moment of
        what its map is given on the anchors, and are as long as before, taken together. So what is
        learned through them is heard where it is unlike other text: it is learned sooner and
        changes less elsewhere. ROME (arXiv 2202.05262) writes facts in the same metric.
        """
        layers = _adapted_maps(adapted)
        for group, given in self._groups:
            moments = given.float().mT @ given.float()
            variances = moments.diagonal(dim1=-2, dim2=-1)
            variances += TRAINING.variance_floor * variances.mean(-1, keepdim=True)
            for one, root in zip(group, torch.linalg.cholesky(moments), strict=True):
                [name] = layers[one].active_adapters
                down = layers[one].lora_A[name].weight
                apart = torch.linalg.solve_triangular(root, down.float(), upper=False, left=False)
                down.copy_(apart * (down.norm() / apart.norm()))


def _adapted_maps(adapted: Any) -> dict[Any, Any]:
    """The linear maps of the base model that have an adapter, each with what PEFT put around it."""
    from peft.tuners.lora import LoraLayer

    return {m.get_base_layer(): m for m in adapted.modules() if isinstance(m, LoraLayer)}


def model_input(states: torch.Tensor) -> dict[str, torch.Tensor]:
    """A batch as keywords for the model: `(b, n)` ids or `(b, n, width)` hidden states."""
    return {"inputs_embeds" if states.is_floating_point() else "input_ids": states}


def _condensed(heard: Heard, one: Any) -> torch.Tensor:
    """The inputs of a map in proportion to its outputs, `(at most width, width)`.

    The penalty depends on the inputs X through X'X alone, and X = QR has X'X = R'R.
    """
    inputs = torch.cat(heard.inputs.pop(one))  # those of all maps take much memory
    if len(inputs) > inputs.shape[1]:
        inputs = torch.linalg.qr(inputs.float(), mode="r").R.to(inputs.dtype)
    scaled: torch.Tensor = inputs / heard.sizes[one] ** 0.5
    return scaled
