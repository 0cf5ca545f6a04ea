"""The drift penalty: a regulariser on what an adapter changes in the activations on the anchors.

It is the mean of |s B A x|^2 / |W x|^2 over tokens of the anchors, summed over the adapted linear
maps W with input x: a quadratic penalty per layer, as in Ritter et al. (arXiv 1805.07810). The
inputs are the base model's, recorded once, so it costs no forward pass. DoRA's changes of the row
norms of W are not included. The same inputs are used to initialise A. Knows no training rows.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from ragcl.consolidation.recipe import TRAINING


@dataclass(frozen=True)
class Activations:
    """The inputs of the adapted linear maps, and the sum of squares of their outputs, by map.

    `shapes` are the dimensions of their inputs and outputs.
    """

    inputs: dict[Any, list[torch.Tensor]]
    sizes: dict[Any, float]
    shapes: dict[Any, tuple[int, int]]


@contextlib.contextmanager
def recording(adapted: Any, tokens: int) -> Iterator[Activations]:
    """Record the adapted maps of a PEFT model while the caller runs texts through it, one a batch.

    The caller switches the adapter off. `tokens` is the number of tokens in all texts.
    """
    layers = _adapted_maps(adapted) if tokens else {}
    maps = [*layers]
    shapes = {one: (layer.in_features, layer.out_features) for one, layer in layers.items()}
    recorded = Activations({one: [] for one in maps}, dict.fromkeys(maps, 0.0), shapes)
    # Without the first token: nothing precedes it, and its activations dwarf all others.
    kept = slice(1, None, max(1, math.ceil(tokens / TRAINING.penalty_tokens)))

    def keep(one: Any, given: tuple[torch.Tensor], output: torch.Tensor) -> None:
        recorded.inputs[one].append(given[0][0, kept])
        recorded.sizes[one] += float(output[0, kept].float().square().sum())

    hooks = [one.register_forward_hook(keep) for one in maps]
    try:
        with torch.no_grad():
            yield recorded
    finally:
        for hook in hooks:
            hook.remove()


class DriftPenalty:
    """The penalty of any adapter on the same maps: quadratic in its update, 0 without one."""

    def __init__(self, recorded: Activations) -> None:
        """`recorded` are the base model's activations on the anchors; they are freed here."""
        # Maps of one shape are stacked: many small products take longer than a few large ones.
        alike: dict[tuple[int, int], list[Any]] = {}
        for one, shape in recorded.shapes.items():
            alike.setdefault(shape, []).append(one)
        self._groups = [
            (group, torch.stack([_condensed(recorded, one) for one in group]))
            for group in alike.values()
        ]

    def of(self, adapted: Any) -> Callable[[], torch.Tensor]:
        """A function that computes the penalty (a scalar) of a PEFT model's current adapter."""
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
    def decorrelate(self, adapted: Any) -> None:
        """Turn every A of a new adapter towards directions in which the anchors vary little.

        Its random rows get C^-1 as their covariance, where C is the second moment of the map's
        inputs on the anchors; the Frobenius norm of A stays the same. So the adapter responds most
        to inputs unlike the anchors: it learns faster and changes other text less. ROME
        (arXiv 2202.05262) writes facts in the same metric.
        """
        layers = _adapted_maps(adapted)
        for group, given in self._groups:
            for one, inputs in zip(group, given, strict=True):
                [name] = layers[one].active_adapters
                down = layers[one].lora_A[name].weight
                apart = _decorrelated(_factorable(down), _factorable(inputs)).to(down.device)
                down.copy_(apart * (down.norm() / apart.norm()))

    @torch.no_grad()
    def step(self, adapted: Any) -> float:
        """The share of its output on the anchors by which a map changes in one step at rate 1.

        The first step of Adam moves every weight of B by the learning rate, so each output by
        scaling x rate x |A x|_1 at most, and about sqrt(2 r / pi) |A x|_2. Of all maps this is the
        geometric mean; 1 if nothing was recorded.
        """
        layers = _adapted_maps(adapted)
        logs = []
        for group, given in self._groups:
            for one, inputs in zip(group, given, strict=True):
                [name] = layers[one].active_adapters
                down = layers[one].lora_A[name].weight.to(inputs.dtype)
                outputs = layers[one].out_features
                length = math.sqrt(2 * len(down) * outputs / math.pi)
                seen = float((inputs @ down.mT).float().norm())
                logs.append(math.log(layers[one].scaling[name] * length * seen))
        return math.exp(sum(logs) / len(logs)) if logs else 1.0


def _decorrelated(rows: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """Random rows `(r, width)` with the inverse second moment of inputs `(n, width)` as covariance.

    The cost grows with the cube of the smaller of width and `penalty_tokens`.
    """
    ridge = TRAINING.variance_floor * inputs.square().sum() / inputs.shape[1]
    if inputs.shape[1] <= TRAINING.penalty_tokens:
        moments = inputs.T @ inputs
        moments.diagonal().add_(ridge)
        root = torch.linalg.cholesky(moments)
        solved: torch.Tensor = torch.linalg.solve_triangular(root, rows, upper=False, left=False)
        return solved
    # Wider than there are tokens: the same by the Gram matrix of the tokens (Bhattacharya et al.
    # 2016, arXiv 1506.04778, section 2).
    inputs = inputs / ridge.sqrt()
    gram = inputs @ inputs.T
    gram.diagonal().add_(1)
    seen = rows @ inputs.T + rows.std() * torch.randn(len(rows), len(inputs), device=rows.device)
    return rows - torch.cholesky_solve(seen.T, torch.linalg.cholesky(gram)).T @ inputs


def _factorable(matrix: torch.Tensor) -> torch.Tensor:
    """In float32 where it can be factored: MPS lacks some factorisations."""
    return matrix.float().cpu() if matrix.device.type == "mps" else matrix.float()


def _adapted_maps(adapted: Any) -> dict[Any, Any]:
    """The adapted linear maps of the base model, each with its PEFT layer."""
    from peft.tuners.lora import LoraLayer

    return {m.get_base_layer(): m for m in adapted.modules() if isinstance(m, LoraLayer)}


def model_input(states: torch.Tensor) -> dict[str, torch.Tensor]:
    """A batch as arguments of the model: `(b, n)` ids or `(b, n, width)` hidden states."""
    return {"inputs_embeds" if states.is_floating_point() else "input_ids": states}


def _condensed(recorded: Activations, one: Any) -> torch.Tensor:
    """The inputs of a map divided by the norm of its outputs, `(at most width, width)`.

    The penalty depends on the inputs X only through X'X, and X = QR gives X'X = R'R.
    """
    inputs = torch.cat(recorded.inputs.pop(one))  # freed map by map: they take much memory
    if len(inputs) > inputs.shape[1]:
        inputs = torch.linalg.qr(_factorable(inputs), mode="r").R.to(inputs)
    scaled: torch.Tensor = inputs / recorded.sizes[one] ** 0.5
    return scaled
