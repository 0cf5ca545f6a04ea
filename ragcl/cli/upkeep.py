"""The verbs for upkeep: status, doctor, models."""

import json as json_module
from typing import Annotated

import typer

from ragcl.cli.common import (
    PARTLY_DONE,
    Json,
    app,
    models_app,
    opened,
    print_json,
    say,
    say_of_files,
    verb,
)
from ragcl.printing import one_line


@app.command()
@verb
def status(context: typer.Context, json: Json = False) -> None:
    """Show the content of the knowledge base."""
    from ragcl.knowledge_base import missing_root

    with opened(context) as kb:
        found = kb.status()
    if json:
        print_json(found)
        return
    say(str(found))
    for root in found.roots:
        note = "  (untrusted: never learned from)" if root in found.untrusted else ""
        say(f"  folder {one_line(root)}{note}")
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
    say(f"  {found.asks} questions asked, {found.rounds} rounds")
    for adapter in found.adapters:
        say(
            f"  adapter {adapter['id']}: {adapter['chunks']} chunks, "
            f"{adapter['proved']} proved, {adapter['stale']} no longer current"
        )


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


@models_app.command("list")
@verb
def models_list(json: Json = False) -> None:
    """Show the default models and whether they are ready."""
    from ragcl.models import model_files

    found = model_files.list_models()
    if json:
        values = [{**vars(m), "path": str(m.path)} for m in found]
        say(json_module.dumps(values, indent=2))
        return
    for one in found:
        say(f"{one.role}: {one.name}, {one.state}, {one.size / 1e6:.0f} MB, {one.licence}")
        say(f"  {one_line(str(one.path))}")
