"""The device and the dtype: what is there and fast, unless the settings name another."""

import pytest
import torch

from ragcl.models.hardware import choose_device, choose_dtype


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without any accelerator and without bfloat16."""
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    for module, name in (
        (torch.cuda, "is_available"),
        (torch.backends.mps, "is_available"),
        (torch.cpu, "_is_avx512_bf16_supported"),
        (torch.cpu, "_is_amx_tile_supported"),
    ):
        monkeypatch.setattr(module, name, lambda: False)
    return monkeypatch


def test_the_first_accelerator_that_is_there_is_taken(machine: pytest.MonkeyPatch) -> None:
    assert choose_device("auto") == "cpu"
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == "mps"
    machine.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == "cuda"
    machine.setenv("LOCAL_RANK", "1")
    assert choose_device("auto") == "cuda:1"
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("native", [True, False])
def test_the_dtype_is_one_that_is_fast_on_the_device(
    machine: pytest.MonkeyPatch, native: bool
) -> None:
    machine.setattr(torch.cpu, "_is_amx_tile_supported", lambda: native)
    machine.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation
    )
    machine.setattr(torch.backends.mps, "is_macos_or_newer", lambda *_: native)

    half = torch.bfloat16 if native else torch.float16
    assert choose_dtype("auto", "cpu") == (torch.bfloat16 if native else torch.float32)
    assert choose_dtype("auto", "cuda:0") == half
    assert choose_dtype("auto", "mps") == half
    assert choose_dtype("float16", "cpu") == torch.float16
