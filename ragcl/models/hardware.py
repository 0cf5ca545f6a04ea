"""The device, the dtype and the logging of models on this machine. Knows no particular model."""

import os
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


_CGROUP = Path("/sys/fs/cgroup")  # of a container, as this process sees its own


def choose_device(wanted: str) -> str:
    """`wanted`, or for `auto` CUDA, else Apple's MPS, else the CPU: the first that is there.

    Each of several processes that were launched together gets its own CUDA device.
    """
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        own = os.environ.get("LOCAL_RANK")
        return "cuda" if own is None else f"cuda:{own}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def choose_dtype(wanted: str, device: str) -> "torch.dtype":
    """`wanted`, or for `auto` the one that is fast on the device.

    That is bfloat16 where the processor has it, else float16 on a GPU and float32 on a CPU. A CPU
    or GPU without instructions for bfloat16 emulates them many times slower.
    """
    import torch

    if wanted != "auto":
        dtype: torch.dtype = getattr(torch, wanted)
        return dtype
    if device.startswith("cuda"):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.startswith("mps"):
        native = torch.backends.mps.is_macos_or_newer(14, 0)
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    if native:
        return torch.bfloat16
    return torch.float16 if device.startswith(("cuda", "mps")) else torch.float32


def quiet_loading() -> None:
    """Keep transformers from drawing its own progress bars and printing advice."""
    from transformers.utils import logging

    survive_forks()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    # A warning about peft's use of transformers, which a user cannot act on.
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)


@cache
def survive_forks() -> None:
    """Let processes that are forked from this one compute with one thread.

    A forked process has none of the thread pool's threads, and would wait for them forever.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_use_one_thread)


def _use_one_thread() -> None:
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    if faiss := sys.modules.get("faiss"):
        faiss.omp_set_num_threads(1)


def memory() -> tuple[int, int]:
    """The memory of this machine, or of the container, and how much of it is free, in bytes."""
    import psutil

    found = psutil.virtual_memory()
    whole, free = int(found.total), int(found.available)
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        taken = int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return whole, free
    return min(whole, limit), max(0, min(free, limit - taken))
