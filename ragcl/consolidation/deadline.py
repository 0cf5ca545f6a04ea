"""The time limit of a round: one deadline for all its stages. Knows no stage."""

import time
from collections.abc import Callable

from ragcl.progress import Progress


class OutOfTimeError(Exception):
    """A round has reached its time limit; what it has finished is kept."""


class Deadline:
    """So many seconds from now, by a monotonic clock."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def passed(self) -> bool:
        """Whether there is no time left."""
        return self._clock() >= self._end

    def check(self) -> None:
        """Raise `OutOfTimeError` if there is no time left."""
        if self.passed():
            raise OutOfTimeError

    def stopping(self, progress: Progress) -> Progress:
        """`progress` with a check of the deadline after each call."""

        def checked(what: str, done: int, total: int) -> None:
            progress(what, done, total)
            self.check()

        return checked
