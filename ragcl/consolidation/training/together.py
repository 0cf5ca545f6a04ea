"""Training on several devices: the processes that `accelerate launch` starts, one per device.

The first process runs the round. The others are workers: they wait for something to train, train on
their share of every batch, and write nothing. Knows how processes communicate, and not what.
"""

import atexit
import functools
import os
from datetime import timedelta
from typing import Any

WAITING = timedelta(days=7)  # for the first process, which studies and verifies by itself


def processes() -> int:
    """The number of processes."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process runs the round."""
    return int(os.environ.get("RANK", "0")) == 0


def broadcast(what: Any, device: str) -> Any:
    """In every process the object given by the first one. It is sent in memory, not by a file."""
    if processes() == 1:
        return what
    from accelerate.utils import broadcast_object_list

    _join(device)
    given: list[Any] = broadcast_object_list([what], from_process=0)
    return given[0]


def any_process(value: bool) -> bool:
    """Whether `value` is true in any process. All processes have to call this."""
    if processes() == 1:
        return value
    import torch
    from accelerate import PartialState

    flag = torch.tensor(int(value), device=PartialState().device)
    torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
    return bool(flag)


@functools.cache
def _join(device: str) -> None:
    """Join the process group until this process ends."""
    from accelerate import PartialState

    state = PartialState(cpu=device == "cpu", timeout=WAITING)
    atexit.register(state.destroy_process_group)
