"""The verbs for documents: ingest, forget."""

import contextlib
import json as json_module
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragcl.cli.common import (
    PARTLY_DONE,
    Json,
    app,
    opened,
    print_json,
    progress_bars,
    say,
    say_of_files,
    verb,
)
from ragcl.errors import UsageError
from ragcl.printing import one_line

if TYPE_CHECKING:
    from ragcl.results import IngestReport


_RETIRED = "  adapters that learned from it are removed: the index answers until the next round"


@app.command()
@verb
def ingest(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A folder of documents.")],
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep running, and ingest every change.")
    ] = False,
    poll: Annotated[
        bool, typer.Option("--poll", help="Watch by polling, as on a network drive.")
    ] = False,
    trusted: Annotated[
        bool | None,
        typer.Option(
            "--trusted/--untrusted",
            help="Whether the model may learn from this folder, from now on; at first yes. "
            "Untrusted text answers only what trusted text does not.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; with --watch, one a line.")
    ] = False,
) -> None:
    """Update the knowledge base from a folder of documents."""
    if poll and not watch:
        raise UsageError("--poll is a way to watch: give --watch with it.")
    if watch:
        _watch(context, folder, poll, trusted, json)
        return
    with opened(context, create=True) as kb, progress_bars() as progress:
        report = kb.ingest(folder, trusted=trusted, progress=progress)
    if json:
        print_json(report)
    _print_ingested(report, json)
    if not (report.added or report.updated or report.unchanged or report.left_out or report.failed):
        say(f"ragcl: {one_line(report.root)} holds no file that ragcl reads.", err=True)
    if report.failed:
        raise typer.Exit(PARTLY_DONE)


def _watch(
    context: typer.Context, folder: Path, poll: bool, trusted: bool | None, json: bool
) -> None:
    """Follow a folder until Ctrl-C or SIGTERM."""
    from ragcl.cli import watching

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), opened(context, create=True) as kb:

        def ingest_once() -> "IngestReport":
            with progress_bars() as progress:
                return kb.ingest(folder, allow_empty=False, trusted=trusted, progress=progress)

        when = watching.changes(folder, kb.folder, poll=poll)
        for event in watching.watch(ingest_once, when):
            if isinstance(event, watching.Waiting):
                say(f"ragcl: {one_line(event.reason)} Waiting.", err=True)
                continue
            if json:
                say(json_module.dumps(asdict(event), ensure_ascii=False))
            _print_ingested(event, json)


def _print_ingested(report: "IngestReport", json: bool) -> None:
    """Print the result of an ingest; with `json` only failures, to standard error."""
    if not json:
        say(str(report))
        say_of_files("skipped", report.skipped, err=True)
        say_of_files("left out of", report.left_out, err=True)
    say_of_files("failed", report.failed, err=True)


@app.command()
@verb
def forget(
    context: typer.Context,
    path: Annotated[
        str | None,
        typer.Argument(
            help="A document or folder, as a path or as citations name it.", show_default=False
        ),
    ] = None,
    ask: Annotated[
        list[int] | None, typer.Option(help="Instead, the answer with this ID. Repeatable.")
    ] = None,
    asks_before: Annotated[
        str | None, typer.Option(help="Instead, all questions before this day.")
    ] = None,
    json: Json = False,
) -> None:
    """Remove a document, a folder or questions, with every trace."""
    asks = bool(ask) or asks_before is not None
    if asks is (path is not None):
        raise UsageError("name either a document or folder, or asks: --ask ID, --asks-before DATE.")
    if path is None:
        with opened(context) as kb:
            erased = kb.forget_asks(ask or (), before=asks_before)
        if json:
            print_json(erased)
            return
        say(f"{erased.asks} asks forgotten")
        if erased.adapters:
            say(_RETIRED)
        return
    with opened(context) as kb:
        report = kb.forget(path)
    if json:
        print_json(report)
        return
    say(str(report))
    if report.in_weights:
        say(_RETIRED)
    if report.on_disk:
        say("  it is still on the disk: the next ingest of its folder would read it again")
