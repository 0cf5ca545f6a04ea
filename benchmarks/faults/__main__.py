"""Strike a knowledge base with faults and look for anything lost.

    python -m benchmarks.faults                                                # minutes
    python -m benchmarks.faults --models default --ingest 20 --consolidation 5
    python -m benchmarks.faults --deletion 60 --seed 1                         # one part of it

Each kill is a SIGKILL of a `ragcl` process at a moment drawn from the seed: of an `ingest`, of an
ingest that removes documents (`deletion`), of a `rebuild` of the index file, of a `consolidation`.
The others are a full `disk`, a damaged `index` file, and a `copy` of the catalog while it is
written. After each, what was committed must be there, whole and findable; the next run must bring
the very state of a run without a fault; and `ragcl doctor` must find nothing. A copy may also be
refused with what to do. A `promotion` or rollback, while threads and processes ask, must hurt none
of their answers.

Other models than the default ones are struck with `--models default` where the environment names
their folders, as it does for `ragcl` (RAGCL_MODELS__LANGUAGE_MODEL and RAGCL_MODELS__EMBEDDER).

Prints a line for each trial, puts the results into `benchmarks/results/faults.json` in the place of
earlier ones of the same part, and ends with 1 if anything was lost.
"""

import argparse
import json
import logging
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.faults import storage
from benchmarks.faults.kills import kills
from benchmarks.faults.promotions import promotions
from benchmarks.faults.rounds import kills_of_rounds
from benchmarks.faults.samples import Models, deletions, ingests, rebuilds
from benchmarks.faults.trials import Trial

RESULTS = Path(__file__).parent.parent / "results" / "faults.json"
GIVEN = ("RAGCL_MODELS__LANGUAGE_MODEL", "RAGCL_MODELS__EMBEDDER")
Part = Callable[[Models, int, random.Random, Path], Iterator[Trial]]


def _kills_of_ingests(models: Models, count: int, draw: random.Random, place: Path) -> Any:
    return kills(ingests(models, place), count, draw, place)


def _kills_of_deletions(models: Models, count: int, draw: random.Random, place: Path) -> Any:
    return kills(deletions(models, place), count, draw, place)


def _kills_of_rebuilds(models: Models, count: int, draw: random.Random, place: Path) -> Any:
    return kills(rebuilds(models, place), count, draw, place)


def _disks(models: Models, count: int, draw: random.Random, place: Path) -> Iterator[Trial]:
    cases = [*deletions(models, place / "deletion"), *rebuilds(models, place / "rebuild")[::4]]
    yield from storage.limited_files(cases, count - count // 2, draw, place)
    yield from storage.full_disks(cases, count // 2, draw, place)


def _indexes(models: Models, count: int, draw: random.Random, place: Path) -> Iterator[Trial]:
    return storage.damaged_indexes(rebuilds(models, place)[0], count, draw, place)


def _copies(models: Models, count: int, draw: random.Random, place: Path) -> Iterator[Trial]:
    cases = [ingests(models, place / "ingest")[0], *deletions(models, place / "deletion")]
    return storage.copies(cases, count, draw, place)


# By name: the part, how often by default on the tiny models, and how often on the default ones.
PARTS: dict[str, tuple[Part, int, int]] = {
    "ingest": (_kills_of_ingests, 80, 20),
    "deletion": (_kills_of_deletions, 60, 0),
    "rebuild": (_kills_of_rebuilds, 60, 0),
    "consolidation": (kills_of_rounds, 20, 5),
    "disk": (_disks, 40, 0),
    "index": (_indexes, 40, 0),
    "copy": (_copies, 40, 0),
    "promotion": (promotions, 50, 0),
}


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in PARTS:
        parser.add_argument(f"--{name}", type=int, metavar="N")
    parser.add_argument("--models", choices=("tiny", "default"), default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    options = parser.parse_args()
    chosen = {name: count for name in PARTS if (count := getattr(options, name)) is not None}
    if not chosen:
        default = options.models == "default"
        chosen = {name: row[1 + default] for name, row in PARTS.items()}
    logging.getLogger("ragcl").setLevel(logging.ERROR)  # an index that is made again is no news
    given = {name: Path(os.environ[name]).name for name in GIVEN if name in os.environ}
    called = " and ".join(given.values()) or options.models
    prefix = "".join(f"{name}={model} " for name, model in given.items())
    lost = 0
    with tempfile.TemporaryDirectory(prefix="ragcl-faults-", dir=options.folder) as temporary:
        folder = Path(temporary)
        tiny = options.models == "tiny"
        models = Models.tiny(folder / "models") if tiny else Models.default()
        for name, count in chosen.items():
            if count:
                draw = random.Random(f"{name} {options.seed}")
                result = _run(PARTS[name][0](models, count, draw, folder / name))
                rest = f"--models {options.models} --{name} {count} --seed {options.seed}"
                command = f"{prefix}python -m benchmarks.faults {rest}"
                _enter(f"{name}, {called} models", command, result)
                lost += result["lost"]
    sys.exit(bool(lost))


def _run(trials: Iterator[Trial]) -> dict[str, Any]:
    """Carry out one part and print it."""
    started = time.monotonic()
    rows, lost, not_run = [], 0, ""
    try:
        for trial in trials:
            print(trial, flush=True)
            rows.append(str(trial))
            lost += bool(trial.problems)
    except PermissionError as error:
        not_run = f"not run: {error}"
        print(not_run)
    seconds = round(time.monotonic() - started)
    print(f"{len(rows)} trials, {lost} with something lost, {seconds} s", flush=True)
    result = {"trials": len(rows), "lost": lost, "seconds": seconds, "rows": rows}
    return {**result, "not_run": not_run} if not_run else result


def _enter(part: str, command: str, result: dict[str, Any]) -> None:
    """Put the result of one part among those of the others."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    machine = {"processors": os.cpu_count(), "platform": platform.platform(terse=True)}
    results[part] = {"command": command, "machine": machine, **result}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
