"""The device, the dtype and the logging of models on this machine. Knows no particular model."""

import os
import sys
import warnings
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def choose_device(wanted: str) -> str:
    """`wanted`, or for `auto` CUDA if there is a device, else the CPU.

    Each of several processes that were launched together gets its own CUDA device.
    """
    import torch

    if wanted != "auto":
        return wanted
    if not torch.cuda.is_available():
        return "cpu"
    own = os.environ.get("LOCAL_RANK")
    return "cuda" if own is None else f"cuda:{own}"


def choose_dtype(wanted: str, device: str) -> "torch.dtype":
    """`wanted`, or for `auto` bfloat16 if the processor supports it natively, else float32.

    A CPU without bfloat16 instructions emulates them many times slower than float32.
    """
    import torch

    if wanted != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[wanted]
    if device.startswith("cuda"):
        native = torch.cuda.is_bf16_supported()
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


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
