"""The limit on the time of a round: one deadline for all its stages. Knows no stage."""

import time
from collections.abc import Callable

Progress = Callable[[str, int, int], None]


class OutOfTimeError(Exception):
    """A round has reached its limit; what it has finished is kept."""


class Deadline:
    """So many seconds from now, by a clock that nobody sets."""

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
        """The same progress, which stops whoever tells it when there is no time left."""

        def told(what: str, done: int, total: int) -> None:
            progress(what, done, total)
            self.check()

        return told
