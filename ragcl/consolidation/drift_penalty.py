"""The drift penalty: what an adapter changes inside the model on texts it is to leave alone.

It is the mean of |s B A x|^2 / |W x|^2 over tokens of the anchors, summed over the adapted linear
maps W with input x: a quadratic penalty a layer, as in Ritter et al. (arXiv 1805.07810). The inputs
are those of the base model, kept once, so it costs no pass through the model. What DoRA changes in
the lengths of the rows of W is not in it. The same inputs say where an adapter had better begin.
Knows no rows.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

# Sampled at most: as many as the widest input in the default model has dimensions, so that only
# the narrower ones have to be condensed.
TOKENS = 1536
TOGETHER = 8  # anchors that go through the model at once
FLOOR = 0.1  # of the mean variance of an input, as the least that a direction counts as having


class DriftPenalty:
    """Of any adapter of the same maps; quadratic in its updates, and 0 for none."""

    def __init__(self, adapted: Any, anchors: Sequence[torch.Tensor], tokens: int) -> None:
        """Pass the anchors through `adapted`, whose adapter is switched off.

        Args:
            adapted: a PEFT model with a LoRA adapter.
            anchors: of each `(n,)` ids or `(n, width)` hidden states.
            tokens: how many they are in all.
        """
        self._device = adapted.device
        maps = list(_adapted_maps(adapted)) if anchors else []
        inputs: dict[Any, list[torch.Tensor]] = {one: [] for one in maps}
        sizes = dict.fromkeys(maps, 0.0)
        every = max(1, math.ceil(tokens / TOKENS))
        kept = torch.empty(0, 0, dtype=torch.bool)

        def keep(one: Any, given: tuple[torch.Tensor], output: torch.Tensor) -> None:
            inputs[one].append(given[0][kept])
            sizes[one] += float(output[kept].float().square().sum())

        hooks = [one.register_forward_hook(keep) for one in maps]
        try:
            with torch.no_grad():
                for start in range(0, len(anchors), TOGETHER):
                    group = anchors[start : start + TOGETHER]
                    # Padded on the right: no token sees what comes after it.
                    states = pad_sequence(list(group), batch_first=True).to(self._device)
                    kept = torch.zeros(states.shape[:2], dtype=torch.bool, device=self._device)
                    for row, anchor in enumerate(group):
                        # Without the first token: nothing precedes it, and its activations dwarf
                        # all others.
                        kept[row, 1 : len(anchor) : every] = True
                    adapted(**model_input(states), use_cache=False, logits_to_keep=1)
        finally:
            for hook in hooks:
                hook.remove()
        # Maps of one shape go together: many small products take longer than a few large ones.
        alike: dict[tuple[int, int], list[Any]] = {}
        for one in maps:
            alike.setdefault((one.in_features, one.out_features), []).append(one)
        self._groups = [
            (
                group,
                torch.stack(
                    [_condensed(torch.cat(inputs.pop(one))) / sizes[one] ** 0.5 for one in group]
                ),
            )
            for group in alike.values()
        ]

    def of(self, adapted: Any) -> Callable[[], torch.Tensor]:
        """What gives the penalty of the adapter of a PEFT model as it is now, a scalar."""
        layers = _adapted_maps(adapted)
        groups = [([layers[one] for one in group], given) for group, given in self._groups]

        def penalty() -> torch.Tensor:
            total = torch.zeros((), device=self._device)
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
            variances += FLOOR * variances.mean(-1, keepdim=True)
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


def _condensed(inputs: torch.Tensor) -> torch.Tensor:
    """Rows with the same Gram matrix as `(n, width)` inputs, but at most `width` of them.

    The penalty depends on the inputs X through X'X alone, and X = QR has X'X = R'R.
    """
    if len(inputs) <= inputs.shape[1]:
        return inputs
    factor: torch.Tensor = torch.linalg.qr(inputs.float(), mode="r").R
    return factor.to(inputs.dtype)
