"""Training on several devices: the processes that `accelerate launch` starts, one a device.

The first of them runs the round. The others wait until it has something to train, train along, each
on its share of every batch, and write nothing. Knows how they reach one another and not what they
say.
"""

import atexit
import functools
import os
from datetime import timedelta
from typing import Any

WAITING = timedelta(days=7)  # for the first process, which studies and verifies by itself


def processes() -> int:
    """How many there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the one that runs the round."""
    return int(os.environ.get("RANK", "0")) == 0


def handed_out(what: Any, device: str) -> Any:
    """What the first process hands out, in every process; it goes through memory and no file."""
    if processes() == 1:
        return what
    from accelerate.utils import broadcast_object_list

    _join(device)
    given: list[Any] = broadcast_object_list([what], from_process=0)
    return given[0]


def any_of(value: bool) -> bool:
    """Whether it is so in any process; all have to ask."""
    if processes() == 1:
        return value
    import torch
    from accelerate import PartialState

    flag = torch.tensor(int(value), device=PartialState().device)
    torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
    return bool(flag)


@functools.cache
def _join(device: str) -> None:
    """Meet the other processes, until this one ends."""
    from accelerate import PartialState

    state = PartialState(cpu=device == "cpu", timeout=WAITING)
    atexit.register(state.destroy_process_group)
