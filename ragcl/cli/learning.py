"""The verbs for learning: consolidate, schedule, rollback, evaluate."""

import contextlib
import json as json_module
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragcl.cli.common import (
    PARTLY_DONE,
    Json,
    ModeOption,
    app,
    opened,
    print_json,
    progress_bars,
    say,
    verb,
)
from ragcl.errors import RagclError, UsageError
from ragcl.printing import one_line

if TYPE_CHECKING:
    from ragcl.knowledge_base import KnowledgeBase


@app.command()
@verb
def consolidate(
    context: typer.Context,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Do nothing if nothing new is hot.")
    ] = False,
    json: Json = False,
) -> None:
    """Run one round: learn what is asked often, and promote it behind the gate."""
    with opened(context) as kb, progress_bars() as progress:
        report = kb.consolidate(if_due=if_due, progress=progress)
    if report.status == "trained along":
        return  # the first process reports
    if json:
        print_json(report)
    else:
        say(str(report))
        for name, value in report.metrics.items():
            say(f"  {name}: {value:.3f}")
        if report.report_path:
            say(f"  report: {one_line(report.report_path)}")
    if report.status in ("rejected", "interrupted"):
        raise typer.Exit(PARTLY_DONE)


@app.command()
@verb
def schedule(
    context: typer.Context,
    cron: Annotated[str, typer.Option(help="When, as in crontab: minute hour day month weekday.")],
    timezone: Annotated[
        str | None,
        typer.Option(help="Time zone of the times, as Europe/Oslo; default: the machine's."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON a round.")] = False,
) -> None:
    """Keep running, and run a round at the given times if one is due; stop with SIGTERM."""
    from apscheduler.schedulers.blocking import BlockingScheduler

    from ragcl.cli import crontab

    try:
        trigger = crontab.trigger(cron, timezone)
    except ValueError as error:
        raise UsageError(f"--cron {cron!r}: {error}. Example: '0 3 * * *'.") from error
    with opened(context) as kb:
        scheduler = BlockingScheduler()
        scheduler.add_job(_scheduled, trigger, args=[kb, json], max_instances=1, coalesce=True)
        signal.signal(signal.SIGTERM, lambda *_: scheduler.shutdown(wait=False))
        following = trigger.get_next_fire_time(None, datetime.now(UTC))
        say(f"next round at {following:%a %Y-%m-%d %H:%M %Z (UTC%z)}", err=True)
        with contextlib.suppress(KeyboardInterrupt, SystemExit):
            scheduler.start()


def _scheduled(kb: "KnowledgeBase", json: bool) -> None:
    """One round of the daemon, which continues after any failure."""
    from ragcl.results import to_dict

    try:
        with progress_bars() as progress:
            report = kb.consolidate(if_due=True, progress=progress)
    except RagclError as error:
        say(f"ragcl: {one_line(str(error))}", err=True)
        return
    said = one_line(f"{report.status} {report.reason}")
    say(f"{datetime.now():%Y-%m-%d %H:%M} {said}", err=True)
    if json:
        say(json_module.dumps(to_dict(report), ensure_ascii=False))


@app.command()
@verb
def rollback(context: typer.Context, json: Json = False) -> None:
    """Make the adapters before the last promotion active again."""
    with opened(context) as kb:
        report = kb.rollback()
    if json:
        print_json(report)
    elif report.now is None:
        say("no adapter is active now: the index answers everything")
    else:
        say(str(report))


@app.command()
@verb
def evaluate(
    context: typer.Context,
    questions: Annotated[
        Path | None, typer.Argument(help="JSON lines: question, answers.", show_default=False)
    ] = None,
    mode: ModeOption = "auto",
    history: Annotated[
        bool, typer.Option("--history", help="Show the evaluations so far; answer nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Answer a question file and score the answers."""
    if history:
        _print_history(context, questions, json)
        return
    if questions is None:
        raise UsageError("name a question file, or ask for what was evaluated with --history.")
    with opened(context) as kb, progress_bars() as progress:
        report = kb.evaluate(questions, mode=mode, progress=progress)  # type: ignore[arg-type]
    if json:
        print_json(report)
        return
    routes = ", ".join(f"{name} {count}" for name, count in sorted(report.routes.items()))
    say(
        f"{report.questions} questions, mode {report.mode}: accuracy {report.accuracy:.3f}, "
        f"EM {report.exact_match:.3f}, F1 {report.f1:.3f}; routes: {routes}; "
        f"{report.mean_prompt_tokens:.0f} prompt tokens a question"
    )


def _print_history(context: typer.Context, questions: Path | None, json: bool) -> None:
    """The evaluations so far, those of the same questions below one another."""
    with opened(context) as kb:
        found = kb.evaluations(questions)
    if json:
        print_json(found)
        return
    shown = None
    for one in found:
        if one.sha256 != shown:
            shown = one.sha256
            say(f"{one_line(one.file)} ({one.questions} questions, sha256 {one.sha256[:8]})")
            say(
                "  when              round  mode     accuracy     EM     F1  weights  abstained"
                "  prompt tokens  seconds"
            )
        say(
            f"  {datetime.fromtimestamp(one.evaluated_at):%Y-%m-%d %H:%M}  {one.round_id or '-':>5}"
            f"  {one.mode:7}  {one.accuracy:8.3f}  {one.exact_match:.3f}  {one.f1:.3f}"
            f"  {one.from_weights:7.3f}  {one.abstained:9.3f}  {one.mean_prompt_tokens:13.0f}"
            f"  {one.seconds:7.1f}"
        )
    if not found:
        say("this was never evaluated" if questions else "nothing was evaluated yet", err=True)
