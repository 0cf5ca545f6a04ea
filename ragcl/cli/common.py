"""What all verbs share: the app, its options, how errors end it, and what is printed.

Knows no verb.
"""

import contextlib
import functools
import json as json_module
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ragcl import __version__
from ragcl.errors import RagclError, UsageError
from ragcl.printing import Formatter, fit, harmless, one_line
from ragcl.progress import Lines

if TYPE_CHECKING:
    from ragcl.knowledge_base import KnowledgeBase
    from ragcl.progress import Progress
    from ragcl.results import Failure

PARTLY_DONE = 1
_Decorator = Callable[[Callable[..., None]], Callable[..., None]]


class _FlagsWithoutType:
    """A command or group whose help names no type for flags, which take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, with nothing to print behind a flag."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for one in params:
            if getattr(one, "is_flag", False):
                one.metavar = ""
        return params


class _Command(_FlagsWithoutType, TyperCommand):
    """A verb."""


class _Group(_FlagsWithoutType, TyperGroup):
    """Several verbs."""


class _App(typer.Typer):
    """An application whose verbs are such commands."""

    def command(self, name: str | None = None, **options: Any) -> _Decorator:  # type: ignore[override]
        """Decorate a verb."""
        return super().command(name, cls=_Command, **options)


app = _App(
    name="ragcl",
    cls=_Group,
    help="Answers from documents that change, and weights that learn what is asked often.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = _App(cls=_Group, help="The models that ragcl runs on.", no_args_is_help=True)
app.add_typer(models_app, name="models")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Source = Annotated[str | None, typer.Option(help="Only files whose path matches, such as '*.md'.")]
Since = Annotated[str | None, typer.Option(help="Only files changed on this day or later.")]
Until = Annotated[str | None, typer.Option(help="Only files not changed after this day.")]
Where = Annotated[
    list[str] | None,
    typer.Option(help="Only files with this metadata: 'author=*holm*'. Repeatable."),
]
ModeOption = Annotated[str, typer.Option(help="auto, context, weights or both.")]


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text, made safe for a terminal."""
    typer.echo(harmless(text), err=err, nl=nl)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"ragcl {__version__}")
        raise typer.Exit


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """Turn an error that is meant for the user into one line and an exit code."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except RagclError as error:
            say(f"ragcl: {one_line(str(error))}", err=True)
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError as error:  # the reader has closed the pipe
            _write_to_nobody()
            raise typer.Exit from error
        except OSError as error:
            where = f" ({one_line(str(error.filename))})" if error.filename else ""
            say(f"ragcl: {error.strerror or error}{where}.", err=True)
            raise typer.Exit(RagclError.exit_code) from error
        except KeyboardInterrupt as error:
            say("ragcl: interrupted; what was done before is kept.", err=True)
            raise typer.Exit(130) from error

    return run


def _write_to_nobody() -> None:
    """Discard what is written at exit, so that it does not fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())


@contextlib.contextmanager
def opened(context: typer.Context, *, create: bool = False) -> Iterator["KnowledgeBase"]:
    """The knowledge base that was named; with `create` it is made on first use.

    Raises:
        UsageError: there is none.
    """
    from ragcl.catalog import FILE_NAME
    from ragcl.knowledge_base import KnowledgeBase

    # An index without a catalog: it was lost, and the doctor says what to do.
    missing = not any((context.obj / one).exists() for one in (FILE_NAME, "index"))
    if missing and not create and not context.obj.is_file():
        raise UsageError(
            f"there is no knowledge base in {context.obj.absolute()}: name its folder with --kb or "
            "in $RAGCL_KB, or make one with `ragcl ingest FOLDER`."
        )
    with KnowledgeBase.open(context.obj) as kb:
        yield kb


@contextlib.contextmanager
def progress_bars() -> Iterator["Progress"]:
    """Bars on standard error if it is a terminal, else lines now and then."""
    if not sys.stderr.isatty():
        yield Lines(lambda line: say(f"ragcl: {line}", err=True))
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


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Say on a terminal that the models are loaded, which takes some seconds."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status("loading the models"):
        yield


def print_json(result: Any) -> None:
    """A result, or several, as one JSON document on standard output."""
    from ragcl.results import to_dict

    values = [to_dict(one) for one in result] if isinstance(result, list) else to_dict(result)
    say(json_module.dumps(values, ensure_ascii=False, indent=2))


def say_of_files(what: str, files: "Sequence[Failure]", *, err: bool = False) -> None:
    """A line for each file, with the reason."""
    for one in files:
        say(f"  {what} {one}", err=err)


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
