"""One trial: a fault, what it left behind, and whether all was well afterwards."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.processes import copy, run
from benchmarks.faults.samples import Case
from benchmarks.faults.states import State, doctors_findings


@dataclass(frozen=True)
class Trial:
    """`fault` struck at `moment` and left `found`; `problems` is empty when nothing was lost."""

    fault: str
    moment: str
    found: str
    seconds: float  # that the next run took
    problems: list[str]

    def __str__(self) -> str:
        """One line of the table."""
        verdict = "; ".join(self.problems) or "nothing lost"
        return (
            f"{self.fault}: {self.moment}: {self.found}: next run {self.seconds:.1f} s: {verdict}"
        )


def recover(case: Case, kb: Path, fault: str, moment: str, *, problems: list[str]) -> Trial:
    """Look at what a fault left of a knowledge base, run the command again, and compare."""
    left = State.of(copy(kb, kb.with_name("looked-at")))  # looking would mend the index
    problems += left.inconsistencies(case.before, case.after)
    after = case.after.documents
    done = {path for path, document in left.documents.items() if after.get(path) == document}
    started = time.monotonic()
    ran = run(kb, *case.arguments)
    seconds = time.monotonic() - started
    if ran.exit_code:
        problems.append(f"the next run ended with {ran.exit_code}: {ran.err}")
    elif case.arguments[0] == "ingest":
        report = json.loads(ran.out)
        if done & {*report["added"], *report["updated"]}:
            problems.append("what was committed was read again")
    problems += State.of(kb).differences(case.after)
    problems += doctors_findings(kb)
    found = f"{len(done)} of {len(after)} documents"
    if yet_to_go := len(left.documents.keys() - after.keys()):
        found += f", {yet_to_go} yet to go"
    return Trial(fault, moment, found, round(seconds, 1), problems)
