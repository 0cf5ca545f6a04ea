"""The verbs for questions: ask, chat, search, explain, feedback."""

import contextlib
import io
import json as json_module
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, TypedDict, cast

import typer

from ragcl.cli import display
from ragcl.cli.common import (
    PARTLY_DONE,
    Json,
    ModeOption,
    Since,
    Source,
    Until,
    Where,
    app,
    loading,
    opened,
    print_json,
    say,
    verb,
)
from ragcl.errors import UsageError
from ragcl.printing import one_line

if TYPE_CHECKING:
    from ragcl.generation.answering import AnswerStream
    from ragcl.knowledge_base import KnowledgeBase
    from ragcl.results import Answer, Mode

_Waiting = Callable[[], contextlib.AbstractContextManager[None]]


@app.command()
@verb
def ask(
    context: typer.Context,
    question: Annotated[list[str], typer.Argument(help="The question.")],
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
    how = _how(mode, record, source, since, until, where)
    with opened(context) as kb:
        if json or not stream:
            with loading():
                answer = kb.ask(" ".join(question), **how)
            if json:
                print_json(answer)
                return
            say(answer.text)
        else:
            answer = _printed(kb.ask(" ".join(question), stream=True, **how), loading)
    for line in display.sources(answer):
        say(line)


@app.command()
@verb
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
    """Answer one question after another; each may refer to those before.

    `/new` starts a new conversation, `/quit` or Ctrl-D ends. Piped questions are one per line.
    """
    how = _how(mode, record, source, since, until, where)
    refused = False
    with opened(context) as kb:
        history: list[tuple[str, str]] = []
        waiting: _Waiting = loading
        for line in _typed("" if json else "> "):
            if line == "/quit":
                break
            if line == "/new":
                history = []
                continue
            if re.fullmatch(r"/\w+", line):
                say(f"ragcl: {line} is no command: /new starts anew, /quit ends.", err=True)
                continue
            try:
                answer = _turn(kb, line, history, json, how, waiting)
            except UsageError as error:
                say(f"ragcl: {one_line(str(error))}", err=True)
                refused = True
                continue
            history.append((answer.question, answer.text))
            waiting = contextlib.nullcontext
    if refused and not sys.stdin.isatty():
        raise typer.Exit(PARTLY_DONE)


def _typed(prompt: str) -> Iterator[str]:
    """The non-empty lines of standard input, typed or piped."""
    if not sys.stdin.isatty():
        if isinstance(sys.stdin, io.TextIOWrapper):  # undecodable bytes are refused as a question
            sys.stdin.reconfigure(errors="surrogateescape")
        for line in filter(None, map(str.strip, sys.stdin)):
            if prompt and not line.startswith("/"):
                say(f"{prompt}{line}")  # as on a terminal: whose answer it is
            yield line
        return
    with contextlib.suppress(ImportError):  # not on every system
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
    how: "_How",
    waiting: _Waiting,
) -> "Answer":
    """One question of a conversation, answered and printed."""
    from ragcl.results import to_dict

    if json:
        whole = kb.ask(question, history=history, **how)
        say(json_module.dumps(to_dict(whole), ensure_ascii=False))
        return whole
    answer = _printed(kb.ask(question, history=history, stream=True, **how), waiting)
    if answer.question != question:
        say(f"  understood as: {answer.question}")
    for line in display.sources(answer):
        say(line)
    return answer


def _printed(pieces: "AnswerStream", waiting: _Waiting) -> "Answer":
    """An answer, printed as it comes; `waiting` is what is shown until its first piece."""
    with waiting():
        first = next(pieces, "")
    say(first, nl=False)
    for piece in pieces:
        say(piece, nl=False)
    say()
    return pieces.result


class _How(TypedDict):
    """How questions are asked, as `KnowledgeBase.ask` has it."""

    mode: "Mode"
    record: bool
    source: str | None
    since: str | None
    until: str | None
    where: dict[str, str]


def _how(
    mode: str,
    record: bool,
    source: str | None,
    since: str | None,
    until: str | None,
    where: list[str] | None,
) -> _How:
    """The options of `ask` and `chat`; an unknown mode is refused where it is used."""
    return {
        "mode": cast("Mode", mode),
        "record": record,
        "source": source,
        "since": since,
        "until": until,
        "where": _pairs(where),
    }


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
@verb
def search(
    context: typer.Context,
    question: Annotated[list[str], typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.")] = 5,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    json: Json = False,
) -> None:
    """Show the best passages for a question, after their cosine and how well the words match."""
    conditions = _pairs(where)
    with opened(context) as kb, loading():
        hits = kb.search(
            " ".join(question), k=k, source=source, since=since, until=until, where=conditions
        )
    if json:
        print_json(hits)
        return
    for hit in hits:
        say(f"{hit.score:.3f} {hit.lexical:.3f}  {display.place(hit)}")
        say("       " + hit.text.replace("\n", "\n       "))
    if not hits:
        filtered = source or since or until or where
        say("no such file is ingested" if filtered else "nothing is ingested yet", err=True)


@app.command()
@verb
def explain(
    context: typer.Context,
    answer: Annotated[int, typer.Argument(help="The number of an answer.")],
    influence: Annotated[
        bool,
        typer.Option("--influence", help="Measure the influence of each source on the answer."),
    ] = False,
    json: Json = False,
) -> None:
    """Show why an answer was given and whether its sources are still current."""
    with opened(context) as kb:
        found = kb.explain(answer, influence=influence)
    if json:
        print_json(found)
        return
    for line in display.explanation(found, influence):
        say(line)


@app.command()
@verb
def feedback(
    context: typer.Context,
    answer: Annotated[int, typer.Argument(help="The number of an answer.")],
    rating: Annotated[int, typer.Option(help="-1 bad, 0, 1 good.")],
    correction: Annotated[str | None, typer.Option(help="What it should have been.")] = None,
    json: Json = False,
) -> None:
    """Rate or correct an answer."""
    with opened(context) as kb:
        kb.feedback(answer, rating, correction)
    if json:
        say(json_module.dumps({"answer": answer, "rating": rating}))
    else:
        say("noted")
