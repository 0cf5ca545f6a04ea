"""The command line: one verb for each method of the knowledge base.

Parses, calls and prints; knows nothing else. With `--json` one document goes to standard output;
everything that is not the result goes to standard error.
"""

import contextlib
import functools
import io
import json as json_module
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragcl import __version__
from ragcl.cli import display
from ragcl.errors import RagclError, UsageError
from ragcl.printing import Formatter, fit, harmless, one_line

if TYPE_CHECKING:
    from ragcl.knowledge_base import KnowledgeBase, Progress
    from ragcl.results import Answer, Failure, IngestReport

PARTLY_DONE = 1
_RETIRED = "  adapters that learned from it are removed: the index answers until the next round"

app = typer.Typer(
    name="ragcl",
    help="Answers from documents that change, and weights that learn what is asked often.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="The models that ragcl runs on.", no_args_is_help=True)
app.add_typer(models_app, name="models")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Source = Annotated[str | None, typer.Option(help="Only files whose path fits, such as '*.md'.")]
Since = Annotated[str | None, typer.Option(help="Only files changed on this day or later.")]
Until = Annotated[str | None, typer.Option(help="Only files not changed after this day.")]
Where = Annotated[
    list[str] | None,
    typer.Option(help="Only files that say so of themselves: 'author=*holm*'. Repeatable."),
]
ModeOption = Annotated[str, typer.Option(help="auto, context, weights or both.")]


def main() -> None:
    """Run the command line."""
    fit(sys.stdout, sys.stderr)
    app()


def _say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print, with nothing in it that a terminal would obey."""
    typer.echo(harmless(text), err=err, nl=nl)


def _print_version(wanted: bool) -> None:
    if wanted:
        _say(f"ragcl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    kb: Annotated[
        Path, typer.Option(envvar="RAGCL_KB", help="The folder of the knowledge base.")
    ] = Path(".ragcl"),
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    fit(sys.stdout, sys.stderr)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter("ragcl: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    context.obj = kb


def _verb(function: Callable[..., None]) -> Callable[..., None]:
    """Turn an error that is meant for the user into one line and an exit code."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except RagclError as error:
            _say(f"ragcl: {one_line(str(error))}", err=True)
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError as error:  # whoever read it has had enough
            _write_to_nobody()
            raise typer.Exit from error
        except OSError as error:
            where = f" ({one_line(str(error.filename))})" if error.filename else ""
            _say(f"ragcl: {error.strerror or error}{where}.", err=True)
            raise typer.Exit(RagclError.exit_code) from error
        except KeyboardInterrupt as error:
            _say("ragcl: interrupted; what was done before is kept.", err=True)
            raise typer.Exit(130) from error

    return run


def _write_to_nobody() -> None:
    """Let what is still to be written at the end go nowhere, instead of failing again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())


@contextlib.contextmanager
def _opened(context: typer.Context, *, create: bool = False) -> Iterator["KnowledgeBase"]:
    """The knowledge base that was named; with `create` it is made on first use.

    Raises:
        UsageError: there is none.
    """
    from ragcl.catalog import FILE_NAME
    from ragcl.knowledge_base import KnowledgeBase

    # Where there is an index, the catalog was lost, of which the doctor says what to do.
    if not create and not any((context.obj / one).exists() for one in (FILE_NAME, "index")):
        raise UsageError(
            f"there is no knowledge base in {context.obj.absolute()}: name its folder with --kb or "
            "in $RAGCL_KB, or make one with `ragcl ingest FOLDER`."
        )
    with KnowledgeBase.open(context.obj) as kb:
        yield kb


@contextlib.contextmanager
def _progress() -> Iterator["Progress"]:
    """A bar on standard error while it is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Elapsed())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield show


def _print_json(result: Any) -> None:
    from ragcl.results import to_dict

    values = [to_dict(one) for one in result] if isinstance(result, list) else to_dict(result)
    _say(json_module.dumps(values, ensure_ascii=False, indent=2))


@app.command()
@_verb
def ingest(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A folder of documents.")],
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay, and ingest again whenever something changes.")
    ] = False,
    poll: Annotated[
        bool, typer.Option("--poll", help="Watch by looking: a network drive tells of no change.")
    ] = False,
    trusted: Annotated[
        bool | None,
        typer.Option(
            "--trusted/--untrusted",
            help="Whether the model may learn from this folder, from now on; at first yes.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; with --watch, one a line.")
    ] = False,
) -> None:
    """Bring the knowledge base up to date with a folder of documents."""
    if poll and not watch:
        raise UsageError("--poll is a way to watch: give --watch with it.")
    if watch:
        _watch(context, folder, poll, trusted, json)
        return
    with _opened(context, create=True) as kb, _progress() as progress:
        report = kb.ingest(folder, trusted=trusted, progress=progress)
    if json:
        _print_json(report)
    _print_ingested(report, json)
    if not (report.added or report.updated or report.unchanged or report.left_out or report.failed):
        _say(f"ragcl: {one_line(report.root)} holds no file that ragcl reads.", err=True)
    if report.failed:
        raise typer.Exit(PARTLY_DONE)


def _watch(
    context: typer.Context, folder: Path, poll: bool, trusted: bool | None, json: bool
) -> None:
    """Follow a folder until Ctrl-C or SIGTERM."""
    from ragcl.cli import watching

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), _opened(context, create=True) as kb:

        def ingest_once() -> "IngestReport":
            with _progress() as progress:
                return kb.ingest(folder, allow_empty=False, trusted=trusted, progress=progress)

        when = watching.changes(folder, kb.folder, poll=poll)
        for event in watching.watch(ingest_once, when):
            if isinstance(event, watching.Waiting):
                _say(f"ragcl: {one_line(event.reason)} Waiting.", err=True)
                continue
            if json:
                _say(json_module.dumps(asdict(event), ensure_ascii=False))
            _print_ingested(event, json)


def _print_ingested(report: "IngestReport", json: bool) -> None:
    """What an ingest did, for people; with `json` only what failed, on standard error."""
    if not json:
        _say(
            f"{len(report.added)} added, {len(report.updated)} updated, "
            f"{len(report.unchanged)} unchanged, {len(report.deleted)} deleted, "
            f"{len(report.failed)} failed; {report.chunks_added} chunks added, "
            f"{report.chunks_removed} removed; {report.seconds:.1f} s"
        )
        _say_of_files("skipped", report.skipped, err=True)
        _say_of_files("left out of", report.left_out, err=True)
    _say_of_files("failed", report.failed, err=True)


def _say_of_files(what: str, files: "Sequence[Failure]", *, err: bool = False) -> None:
    """A line for each file and the reason."""
    for one in files:
        _say(f"  {what} {one_line(one.path)}: {one_line(one.reason)}", err=err)


@app.command()
@_verb
def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    mode: ModeOption = "auto",
    stream: Annotated[bool, typer.Option(help="Print the answer as it is written.")] = True,
    record: Annotated[bool, typer.Option(help="Enter the question in the log.")] = True,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    json: Json = False,
) -> None:
    """Answer a question, with its sources."""
    how: dict[str, Any] = {
        "mode": mode,
        "record": record,
        "source": source,
        "since": since,
        "until": until,
        "where": _pairs(where),
    }
    with _opened(context) as kb:
        if json or not stream:
            answer = kb.ask(question, **how)
            if json:
                _print_json(answer)
                return
            _say(answer.text)
        else:
            pieces = kb.ask(question, stream=True, **how)
            for piece in pieces:
                _say(piece, nl=False)
            _say()
            answer = pieces.result
    for line in display.sources(answer):
        _say(line)


@app.command()
@_verb
def chat(
    context: typer.Context,
    mode: ModeOption = "auto",
    record: Annotated[bool, typer.Option(help="Enter the questions in the log.")] = True,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON a turn.")] = False,
) -> None:
    """Answer one question after another, each in the light of those before.

    `/new` begins anew, `/quit` or Ctrl-D ends it. Without a terminal, questions come one a line.
    """
    how: dict[str, Any] = {
        "mode": mode,
        "record": record,
        "source": source,
        "since": since,
        "until": until,
        "where": _pairs(where),
    }
    refused = False
    with _opened(context) as kb:
        history: list[tuple[str, str]] = []
        for line in _typed("" if json else "> "):
            if line == "/quit":
                break
            if line == "/new":
                history = []
                continue
            try:
                answer = _turn(kb, line, history, json, how)
            except UsageError as error:
                _say(f"ragcl: {one_line(str(error))}", err=True)
                refused = True
                continue
            history.append((answer.question, answer.text))
    if refused and not sys.stdin.isatty():
        raise typer.Exit(PARTLY_DONE)


def _typed(prompt: str) -> Iterator[str]:
    """The lines that somebody types, or that come through a pipe, as far as there is any text."""
    if not sys.stdin.isatty():
        if isinstance(sys.stdin, io.TextIOWrapper):  # what is no text is refused as a question
            sys.stdin.reconfigure(errors="surrogateescape")
        yield from filter(None, map(str.strip, sys.stdin))
        return
    with contextlib.suppress(ImportError):  # of systems that have none
        import readline  # noqa: F401  # the arrow keys

    with contextlib.suppress(EOFError):
        while True:
            if line := input(prompt).strip():
                yield line


def _turn(
    kb: "KnowledgeBase",
    question: str,
    history: list[tuple[str, str]],
    json: bool,
    how: dict[str, Any],
) -> "Answer":
    """One question of a conversation, answered and printed."""
    from ragcl.results import to_dict

    if json:
        whole: Answer = kb.ask(question, history=history, **how)
        _say(json_module.dumps(to_dict(whole), ensure_ascii=False))
        return whole
    pieces = kb.ask(question, history=history, stream=True, **how)
    for piece in pieces:
        _say(piece, nl=False)
    _say()
    answer: Answer = pieces.result
    if answer.question != question:
        _say(f"  understood as: {answer.question}")
    for line in display.sources(answer):
        _say(line)
    return answer


def _pairs(where: list[str] | None) -> dict[str, str]:
    """The conditions `key=value` by key."""
    pairs: dict[str, str] = {}
    for one in where or ():
        key, sign, value = one.partition("=")
        if not (key.strip() and sign):
            raise UsageError(f"--where {one!r} is no condition: write it like author=holm.")
        if key in pairs:
            raise UsageError(f"--where {key} is given twice: one glob may stand for both values.")
        pairs[key] = value
    return pairs


@app.command()
@_verb
def search(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.")] = 5,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    json: Json = False,
) -> None:
    """Show the passages that fit a question best."""
    with _opened(context) as kb:
        hits = kb.search(
            question, k=k, source=source, since=since, until=until, where=_pairs(where)
        )
    if json:
        _print_json(hits)
        return
    for hit in hits:
        _say(f"{hit.score:.3f} {hit.lexical:.3f}  {display.place(hit)}")
        _say("       " + hit.text.replace("\n", "\n       "))
    if not hits:
        filtered = source or since or until or where
        _say("no such file is ingested" if filtered else "nothing is ingested yet", err=True)


@app.command()
@_verb
def consolidate(
    context: typer.Context,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Do nothing when nothing new is hot.")
    ] = False,
    json: Json = False,
) -> None:
    """Run one round: what is asked often goes into the weights, if it passes the gate."""
    with _opened(context) as kb, _progress() as progress:
        report = kb.consolidate(if_due=if_due, progress=progress)
    if report.status == "trained along":
        return  # the first process reports
    if json:
        _print_json(report)
    else:
        _say(one_line(report.status + (f": {report.reason}" if report.reason else "")))
        for name, value in report.metrics.items():
            _say(f"  {name}: {value:.3f}")
        if report.report_path:
            _say(f"  report: {one_line(report.report_path)}")
    if report.status in ("rejected", "interrupted"):
        raise typer.Exit(PARTLY_DONE)


@app.command("meta-learn")
@_verb
def meta_learn(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where the initial adapter goes.")],
    json: Json = False,
) -> None:
    """Practise to learn, once a language model: a few edits then need fewer steps."""
    with _opened(context, create=True) as kb, _progress() as progress:
        report = kb.meta_learn(folder, progress=progress)
    if json:
        _print_json(report)
    else:
        for trial in report.trials:
            start = "the initial adapter" if trial["practised"] else "nothing"
            _say(
                f"  {trial['share']:.2f} of the steps from {start}: log-likelihood "
                f"{trial['log-likelihood']:.3f}, perplexity ratio {trial['perplexity ratio']:.3f}"
            )
        if report.folder:
            _say(
                "kept; in ragcl.toml: [consolidation] initial_adapter = "
                f'"{one_line(report.folder)}"'
            )
        else:
            _say("thrown away: no fewer steps are enough from it")
    if not report.folder:
        raise typer.Exit(PARTLY_DONE)


@app.command()
@_verb
def schedule(
    context: typer.Context,
    cron: Annotated[str, typer.Option(help="When, as in crontab: minute hour day month weekday.")],
    timezone: Annotated[
        str | None, typer.Option(help="Of these times, as Europe/Oslo; else that of this machine.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON a round.")] = False,
) -> None:
    """Stay and run a round whenever one is due at the times given; stop with SIGTERM."""
    from apscheduler.schedulers.blocking import BlockingScheduler

    from ragcl.cli import crontab

    try:
        trigger = crontab.trigger(cron, timezone)
    except ValueError as error:
        raise UsageError(f"--cron {cron!r}: {error}. Example: '0 3 * * *'.") from error
    with _opened(context) as kb:
        scheduler = BlockingScheduler()
        scheduler.add_job(_scheduled, trigger, args=[kb, json], max_instances=1, coalesce=True)
        signal.signal(signal.SIGTERM, lambda *_: scheduler.shutdown(wait=False))
        following = trigger.get_next_fire_time(None, datetime.now(UTC))
        _say(f"next round at {following:%a %Y-%m-%d %H:%M %Z (UTC%z)}", err=True)
        with contextlib.suppress(KeyboardInterrupt, SystemExit):
            scheduler.start()


def _scheduled(kb: "KnowledgeBase", json: bool) -> None:
    """One round of the daemon: whatever it comes to, the daemon goes on."""
    try:
        report = kb.consolidate(if_due=True)
    except RagclError as error:
        _say(f"ragcl: {one_line(str(error))}", err=True)
        return
    said = one_line(f"{report.status} {report.reason}")
    _say(f"{datetime.now():%Y-%m-%d %H:%M} {said}", err=True)
    if json:
        _say(json_module.dumps(asdict(report), ensure_ascii=False))


@app.command()
@_verb
def status(context: typer.Context, json: Json = False) -> None:
    """Show what the knowledge base holds."""
    from ragcl.knowledge_base import missing_root

    with _opened(context) as kb:
        found = kb.status()
    if json:
        _print_json(found)
        return
    _say(f"{one_line(found.path)}: {found.documents} documents, {found.chunks} chunks")
    for root in found.roots:
        note = "  (untrusted: never learned from)" if root in found.untrusted else ""
        _say(f"  folder {one_line(root)}{note}")
    for root in found.missing:
        _say(f"  {missing_root(one_line(root))}")
    _say_of_files("failed", found.failed)
    _say_of_files("left out of", found.left_out)
    for flag, count in found.flagged.items():
        _say(f"  {count} chunks flagged as {flag}: found, but never learned")
    if found.calibration:
        unrelated, answering = found.calibration["passages"]
        _say(
            f"  cosine of a question to an unrelated passage {unrelated:.2f}, to its answer "
            f"{answering:.2f}"
        )
    _say(f"  {found.asks} questions asked, {found.rounds} rounds")
    for adapter in found.adapters:
        _say(
            f"  adapter {adapter['id']}: {adapter['chunks']} chunks, "
            f"{adapter['proved']} proved, {adapter['stale']} no longer current"
        )


@app.command()
@_verb
def explain(
    context: typer.Context,
    answer: Annotated[int, typer.Argument(help="The number of an answer.")],
    influence: Annotated[
        bool,
        typer.Option("--influence", help="Measure how much each source carries the answer."),
    ] = False,
    json: Json = False,
) -> None:
    """Show why an answer was given and whether its sources still stand."""
    with _opened(context) as kb:
        found = kb.explain(answer, influence=influence)
    if json:
        _print_json(found)
        return
    for line in display.explanation(found, influence):
        _say(line)


@app.command()
@_verb
def feedback(
    context: typer.Context,
    answer: Annotated[int, typer.Argument(help="The number of an answer.")],
    rating: Annotated[int, typer.Option(help="-1 bad, 0, 1 good.")],
    correction: Annotated[str | None, typer.Option(help="What it should have been.")] = None,
    json: Json = False,
) -> None:
    """Say what an answer was worth."""
    with _opened(context) as kb:
        kb.feedback(answer, rating, correction)
    if json:
        _say(json_module.dumps({"answer": answer, "rating": rating}))
    else:
        _say("noted")


@app.command()
@_verb
def rollback(context: typer.Context, json: Json = False) -> None:
    """Make the adapters before the last promotion active again."""
    with _opened(context) as kb:
        report = kb.rollback()
    if json:
        _print_json(report)
    elif report.now is None:
        _say("no adapter is active now: the index answers everything")
    else:
        _say(f"active now: {', '.join(report.adapters) or 'no adapter'}")


@app.command()
@_verb
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
        str | None, typer.Option(help="Instead, all that was asked before this day.")
    ] = None,
    json: Json = False,
) -> None:
    """Remove a document, a folder, or what was asked, with every trace of it."""
    asks = bool(ask) or asks_before is not None
    if asks is (path is not None):
        raise UsageError("name either a document or folder, or asks: --ask ID, --asks-before DATE.")
    if path is None:
        with _opened(context) as kb:
            erased = kb.forget_asks(ask or (), before=asks_before)
        if json:
            _print_json(erased)
            return
        _say(f"{erased.asks} asks forgotten")
        if erased.adapters:
            _say(_RETIRED)
        return
    with _opened(context) as kb:
        report = kb.forget(path)
    if json:
        _print_json(report)
        return
    several = f"{report.documents} documents, " if report.documents > 1 else ""
    _say(f"{one_line(report.source)}: {several}{report.chunks_removed} chunks forgotten")
    if report.in_weights:
        _say(_RETIRED)
    if report.on_disk:
        _say("  it is still on the disk: the next ingest of its folder would read it again")


@app.command()
@_verb
def evaluate(
    context: typer.Context,
    questions: Annotated[
        Path | None, typer.Argument(help="JSON lines: question, answers.", show_default=False)
    ] = None,
    mode: ModeOption = "auto",
    history: Annotated[
        bool, typer.Option("--history", help="Show what was evaluated so far; answer nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Answer a question file and score the answers."""
    if history:
        _print_history(context, questions, json)
        return
    if questions is None:
        raise UsageError("name a question file, or ask for what was evaluated with --history.")
    with _opened(context) as kb, _progress() as progress:
        report = kb.evaluate(questions, mode=mode, progress=progress)  # type: ignore[arg-type]
    if json:
        _print_json(report)
        return
    routes = ", ".join(f"{name} {count}" for name, count in sorted(report.routes.items()))
    _say(
        f"{report.questions} questions, mode {report.mode}: accuracy {report.accuracy:.3f}, "
        f"EM {report.exact_match:.3f}, F1 {report.f1:.3f}; routes: {routes}; "
        f"{report.mean_prompt_tokens:.0f} prompt tokens a question"
    )


def _print_history(context: typer.Context, questions: Path | None, json: bool) -> None:
    """The evaluations so far, those of the same questions below one another."""
    with _opened(context) as kb:
        found = kb.evaluations(questions)
    if json:
        _print_json(found)
        return
    shown = None
    for one in found:
        if one.sha256 != shown:
            shown = one.sha256
            _say(f"{one_line(one.file)} ({one.questions} questions, sha256 {one.sha256[:8]})")
            _say(
                "  when              round  mode     accuracy     EM     F1  weights  abstained"
                "  prompt tokens  seconds"
            )
        _say(
            f"  {datetime.fromtimestamp(one.evaluated_at):%Y-%m-%d %H:%M}  {one.round_id or '-':>5}"
            f"  {one.mode:7}  {one.accuracy:8.3f}  {one.exact_match:.3f}  {one.f1:.3f}"
            f"  {one.from_weights:7.3f}  {one.abstained:9.3f}  {one.mean_prompt_tokens:13.0f}"
            f"  {one.seconds:7.1f}"
        )
    if not found:
        _say("this was never evaluated" if questions else "nothing was evaluated yet", err=True)


@app.command()
@_verb
def doctor(
    context: typer.Context,
    repair: Annotated[bool, typer.Option(help="Mend what is derived.")] = True,
    json: Json = False,
) -> None:
    """Check catalog, indexes, adapters and models, and repair what is derived."""
    with _opened(context) as kb:
        report = kb.doctor(repair=repair)
        held = kb.status()
    if json:
        _print_json(report)
    else:
        for problem in report.problems:
            mark = "not repaired" if problem in report.remaining else "repaired"
            _say(f"  {mark}: {one_line(problem)}")
        if not report.problems:
            holds = f"{held.documents} documents, {held.chunks} chunks, {len(held.adapters)}"
            _say(f"all well: {holds} active adapters")
    if report.remaining:
        raise typer.Exit(PARTLY_DONE)


@models_app.command("pull")
@_verb
def models_pull(
    model: Annotated[str, typer.Argument(help="default, or the id of a model on the hub.")] = (
        "default"
    ),
    json: Json = False,
) -> None:
    """Fetch models by name: the one command that uses the network."""
    from ragcl.models import model_files

    pulled = model_files.pull(model, progress=lambda line: _say(one_line(line), err=True))
    if json:
        values = [{"name": m.name, "revision": m.revision, "path": str(m.path)} for m in pulled]
        _say(json_module.dumps(values, indent=2))
    else:
        for files in pulled:
            _say(f"{one_line(files.name)}: {one_line(str(files.path))}")


@models_app.command("list")
@_verb
def models_list(json: Json = False) -> None:
    """Show the default models and whether they are ready."""
    from ragcl.models import model_files

    found = model_files.list_models()
    if json:
        values = [{**vars(m), "path": str(m.path)} for m in found]
        _say(json_module.dumps(values, indent=2))
        return
    for one in found:
        _say(f"{one.role}: {one.name}, {one.state}, {one.size / 1e6:.0f} MB, {one.licence}")
        _say(f"  {one_line(str(one.path))}")


if __name__ == "__main__":
    main()
