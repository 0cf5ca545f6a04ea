"""`kill -9` at random moments of an ingest, a deletion or a rebuild of the index."""

import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.faults.processes import Course, Moment, kill, rehearse
from benchmarks.faults.samples import Case
from benchmarks.faults.trials import Trial, recover


def kills(cases: Sequence[Case], count: int, draw: random.Random, folder: Path) -> Iterator[Trial]:
    """Kill each command in turn: by turns at any moment, and once it has begun to write."""
    kb = folder / "kb"
    courses: dict[str, Course] = {}
    for number in range(count):
        case = cases[number % len(cases)]
        if case.name not in courses:
            courses[case.name] = rehearse(case.prepare(kb), *case.arguments)
        course = courses[case.name]
        writing = bool(number // len(cases) % 2)
        seconds = draw.uniform(0, course.writing if writing else course.seconds)
        moment = kill(partial(case.prepare, kb), Moment(seconds, writing), *case.arguments)
        yield recover(case, kb, case.name, f"killed after {moment}", problems=[])
