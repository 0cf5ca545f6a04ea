"""The progress of long work: what is called as it goes on, and lines for a log.

Knows no terminal.
"""

import time
from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # stage, number done, number in all


class Lines:
    """Progress as lines: one when a stage begins, then one now and then.

    Args:
        say: prints or logs a line.
        every: the seconds between two lines, unless a stage begins.
        after: the seconds before the first line: short work says nothing.
        clock: seconds by a monotonic clock.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        every: float = 30,
        after: float = 5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._every = every
        self._clock = clock
        self._begun: set[str] = set()
        self._first = clock() + after
        self._next = self._first

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say how much of a stage is done, if it is time."""
        now = self._clock()
        if now < (self._next if what in self._begun else self._first):
            return
        self._begun.add(what)
        self._next = now + self._every
        self._say(f"{what} {done} of {total}")
