"""Checkpoints of an interrupted training: adapter weights, optimizer and schedule.

The Trainer's own are pickled, and hold the base model as well. Knows no examples.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import extract_model_from_parallel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

Weights = Mapping[str, torch.Tensor]  # by name
STEP = "step"
CHECKPOINT = "checkpoint.safetensors"  # in an adapter's folder, of an interrupted training


def parts_of(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The trained parameters, optimizer and scheduler among a callback's arguments."""
    trained = extract_model_from_parallel(kwargs["model"]).named_parameters()
    return {
        "trained": {name: one for name, one in trained if one.requires_grad},
        "optimizer": kwargs["optimizer"],
        "scheduler": kwargs["lr_scheduler"],
    }


def snapshot(
    step: int, *, trained: Mapping[str, torch.Tensor], optimizer: Any, scheduler: Any
) -> Weights:
    """A checkpoint: the step, and each weight with its optimizer state, by name."""
    tensors = {STEP: torch.tensor(step)}
    for name, weight in trained.items():
        for part, value in {"weight": weight, **optimizer.state[weight]}.items():
            tensors[f"{part} {name}"] = value.detach().cpu().clone()
    return tensors


def restore(
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


def write_checkpoint(checkpoint: Weights, folder: Path) -> None:
    """Write a checkpoint atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{CHECKPOINT}.tmp"
    save_file(dict(checkpoint), str(temporary))
    os.replace(temporary, folder / CHECKPOINT)


def read_checkpoint(folder: Path) -> Weights | None:
    """The checkpoint in a folder; None if there is none or it cannot be read."""
    try:
        found: Weights = load_file(str(folder / CHECKPOINT))
    except (OSError, SafetensorError):
        return None
    return found
