"""The report of one round, for people: what was learned, what it cost, and the gate's verdict.

Knows how to write Markdown and nothing of how the figures came to be.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ragcl.consolidation.verification import Verdict
from ragcl.results import ConsolidationReport


def path(folder: Path, round_id: int) -> Path:
    """Where the report of a round lies; it stays when the candidate is thrown away."""
    return folder / "rounds" / f"{round_id:04d}" / "report.md"


def write(
    folder: Path, done: ConsolidationReport, seconds: float, verdicts: Sequence[Verdict]
) -> None:
    """Write `report.md` for a round that has an id."""
    if done.round_id is None or done.report_path is None:
        raise ValueError("only a round that was begun has a report")
    lines = [
        f"# Round {done.round_id}: {done.status}",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds:.0f} seconds"
        + "".join(f", {name} {value:.0f}" for name, value in done.stage_seconds.items()),
        "",
    ]
    if done.reason:
        lines += [f"Rejected: {done.reason}.", ""]
    lines += [
        f"{done.chunks_selected} hot chunks, {done.questions_trained} questions trained, "
        f"{done.questions_held_out} kept to verify with; {done.chunks_proved} chunks proved.",
        "",
        "| gate | value | limit | |",
        "|---|---|---|---|",
        *(
            f"| {test['name']} | {test['value']:.3f} | {test['limit']:.3f} "
            f"| {'passed' if test['passed'] else '**failed**'} |"
            for test in done.gate
        ),
        "",
        "| measure | value |",
        "|---|---|",
        *(f"| {name} | {value:.3f} |" for name, value in done.metrics.items()),
    ]
    for verdict in verdicts:
        lines += ["", "| the router asks for at least | |", "|---|---|"]
        lines += [f"| {name} | {value:.3f} |" for name, value in verdict.thresholds.items()]
    if done.left_out:
        lines += ["", "| left out | why |", "|---|---|"]
        lines += [f"| {one['source']} | {one['reason']} |" for one in done.left_out]
    target = path(folder, done.round_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
