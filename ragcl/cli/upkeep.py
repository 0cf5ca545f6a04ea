"""The verbs for upkeep: status, doctor, models."""

import json as json_module
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ragcl.cli.common import (
    PARTLY_DONE,
    Json,
    app,
    models_app,
    opened,
    print_json,
    progress_bars,
    say,
    say_of_files,
    verb,
)
from ragcl.printing import duration, one_line

if TYPE_CHECKING:
    from ragcl.results import ModelsReport


@app.command()
@verb
def status(context: typer.Context, json: Json = False) -> None:
    """Show the content of the knowledge base."""
    with opened(context) as kb:
        found = kb.status()
    if json:
        print_json(found)
        return
    say(str(found))
    for root in found.roots:
        note = "  (untrusted: never learned from)" if root in found.untrusted else ""
        say(f"  folder {one_line(root)}{note}")
    from ragcl.inspection import missing_root  # not before: a wrong folder is told at once

    for root in found.missing:
        say(f"  {missing_root(one_line(root))}")
    say_of_files("failed", found.failed)
    say_of_files("left out of", found.left_out)
    for flag, count in found.flagged.items():
        say(f"  {count} chunks flagged as {flag}: found, but never learned")
    if found.calibration:
        unrelated, answering = found.calibration["passages"]
        say(
            f"  cosine of a question to an unrelated passage {unrelated:.2f}, to its answer "
            f"{answering:.2f}"
        )
    if found.migration:
        one = found.migration
        say(
            f"  changing to the embedder {one_line(one.embedder)}: {one.embedded} of {one.chunks} "
            "chunks embedded; if no process does it, `ragcl models use` continues"
        )
    say(f"  {found.asks} questions asked, {found.rounds} rounds")
    for adapter in found.adapters:
        say(f"  {adapter}")


@app.command()
@verb
def doctor(
    context: typer.Context,
    repair: Annotated[bool, typer.Option(help="Repair what is derived.")] = True,
    json: Json = False,
) -> None:
    """Check catalog, indexes, adapters and models, and repair what is derived."""
    with opened(context) as kb:
        report = kb.doctor(repair=repair)
        held = kb.status()
    if json:
        print_json(report)
    else:
        for problem in report.problems:
            mark = "not repaired" if problem in report.remaining else "repaired"
            say(f"  {mark}: {one_line(problem)}")
        if not report.problems:
            holds = f"{held.documents} documents, {held.chunks} chunks, {len(held.adapters)}"
            say(f"all well: {holds} active adapters")
        gb = 2**10
        say(
            f"memory: {report.memory_mb / gb:.1f} GB, {report.free_mb / gb:.1f} free; the weights "
            f"of the models in use need {report.needed_mb / gb:.1f} GB, a round some more"
        )
        for one in report.fits:
            if not one.fits:
                say(f"  {one}")
    if report.remaining:
        raise typer.Exit(PARTLY_DONE)


@models_app.command("pull")
@verb
def models_pull(
    model: Annotated[str, typer.Argument(help="default, or the id of a model on the hub.")] = (
        "default"
    ),
    json: Json = False,
) -> None:
    """Fetch models by name: the one command that uses the network."""
    from ragcl.models import model_files

    pulled = model_files.pull(model, progress=lambda line: say(one_line(line), err=True))
    if json:
        values = [{"name": m.name, "revision": m.revision, "path": str(m.path)} for m in pulled]
        say(json_module.dumps(values, indent=2))
    else:
        for files in pulled:
            say(f"{one_line(files.name)}: {one_line(str(files.path))}")


@models_app.command("use")
@verb
def models_use(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            help="The language model: default, a folder, or the id of a model on the hub.",
            show_default=False,
        ),
    ] = None,
    embedder: Annotated[
        str | None, typer.Option(help="The embedder, named likewise.", show_default=False)
    ] = None,
    query_prompt: Annotated[
        str | None,
        typer.Option(help="Before a question, if the embedder's folder does not say so."),
    ] = None,
    document_prompt: Annotated[str | None, typer.Option(help="Before a passage, likewise.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Use other models from now on; with another embedder, embed the documents again."""

    def confirm(plan: "ModelsReport") -> bool:
        _say_plan(plan)
        asks = not yes and on_a_terminal()
        return not asks or typer.confirm("Go on?", default=True, err=True)

    with opened(context, create=True) as kb, progress_bars() as progress:
        report = kb.use_models(
            model,
            embedder,
            query_prompt=query_prompt,
            document_prompt=document_prompt,
            confirm=confirm,
            progress=progress,
        )
    if json:
        print_json(report)
    elif report.done:
        say(f"in use: {report}")
        if report.adapters:
            say(f"  adapters that answer: {', '.join(report.adapters)}")
    if not report.done:
        say("ragcl: nothing was changed.", err=True)


def on_a_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _say_plan(plan: "ModelsReport") -> None:
    """What a change of the models is going to do, on standard error."""
    if plan.chunks:
        say(
            f"{plan.chunks} chunks are to be embedded, in about "
            f"{duration(plan.expected_seconds)}; questions are answered meanwhile, and an "
            "interrupted run continues",
            err=True,
        )
    if plan.too_long:
        say(
            f"  {plan.too_long:.0%} of them are longer than this embedder reads: it knows their "
            "beginning, and words find the rest",
            err=True,
        )
    if plan.retired:
        say(
            f"  adapters that do not answer with these models: {', '.join(plan.retired)}; the "
            "index answers until the next round",
            err=True,
        )
    for one in plan.needs:
        if not one.fits:
            say(f"  {one}", err=True)


@models_app.command("list")
@verb
def models_list(context: typer.Context, json: Json = False) -> None:
    """Show the models that were measured with ragcl, those in use, and what is on this machine."""
    from ragcl.models import listing, measured
    from ragcl.settings import load

    models = load(context.obj).models
    found = listing.listed(models.language_model, models.embedder)
    if json:
        values = [{**asdict(one), "path": one.path and str(one.path)} for one in found]
        say(json_module.dumps(values, indent=2))
        return
    for one in found:
        mark = "*" if one.in_use else " "
        facts = [f"{one.parameters / 1e6:.0f} M parameters"] if one.parameters else []
        facts += [f"{one.size / 1e6:.0f} MB here" if one.state == "ready" else one.state]
        facts += [text for text in (one.languages, one.licence) if text]
        role = one.role.replace("_", " ")
        say(f"{mark} {role} {one_line(one.name)}: {one_line(one.title)}, {', '.join(facts)}")
    say("measured, the language model with the embedder (* in use; - not measured):")
    say("  open-book  closed-book  s a question  from weights  s a round  memory  pair")
    for pair in measured.pairs():
        say(
            f"  {_figure(pair.open_book, 2):>9}  {_figure(pair.closed_book, 2):>11}"
            f"  {_figure(pair.question_seconds, 2):>12}  {_figure(pair.weights_seconds, 2):>12}"
            f"  {_figure(pair.round_seconds, 0):>9}  {_figure(pair.memory_mb, 0):>6}"
            f"  {pair.language_model} with {pair.embedder}, {pair.language}"
        )


def _figure(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"
