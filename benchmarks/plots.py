"""Draw the results that are committed, as SVG beside them.

    python -m benchmarks.plots [--results FOLDER]

Measures nothing: it shows `learning.json`, `paragraphs.json`, `rounds.json`, `growth.json` and
`cost.json`, those of them that are there.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Draw what there are results of."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    folder = parser.parse_args().results
    for name, draw in PLOTS.items():
        source = folder / f"{name}.json"
        if not source.exists():
            continue
        # Letters stay letters, and equal figures give equal files.
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": "ragcl", "font.size": 9}):
            figure = draw(json.loads(source.read_text(encoding="utf-8")))
            figure.savefig(source.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
        print(source.with_suffix(".svg"))


def learning(result: dict[str, Any]) -> Figure:
    """Accuracy and prompt tokens of every row of the table."""
    names = list(result["rows"])[::-1]
    figure = Figure(figsize=(10, 4), layout="constrained")
    accuracy, tokens = figure.subplots(1, 2, sharey=True)
    accuracy.barh(names, [result["rows"][name]["accuracy"] for name in names])
    accuracy.set(title="Accuracy (unseen wordings, if nothing is said)", xlim=(0, 1))
    tokens.barh(names, [result["rows"][name]["prompt_tokens"] for name in names])
    tokens.set(title="Prompt tokens a question")
    return figure


def paragraphs(result: dict[str, Any]) -> Figure:
    """Accuracy by route, of what was asked and of near misses."""
    routes = ("context", "weights", "both", "auto")
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for one, name in zip(axes, ("asked", "near misses"), strict=True):
        one.bar(routes, [result[name][route]["accuracy"] for route in routes])
        one.set(title=f"{result[name]['questions']} {name}: accuracy")
    return figure


def rounds(result: dict[str, Any]) -> Figure:
    """What every learner knows after each round, what is stale, and what the round cost."""
    figure = Figure(figsize=(15, 3), layout="constrained")
    parts: tuple[tuple[str, Callable[[dict[str, Any]], float]], ...] = (
        ("Right, of all facts", lambda row: row["all"]["right"]),
        ("Right, of those asked about", lambda row: row["asked"]["right"]),
        ("Retention, of those asked about", lambda row: _retention(row["asked"])),
        ("Stale answers", lambda row: sum(n for m, n in row["stale"].items() if m != "asked")),
        ("Seconds of the round", lambda row: row["seconds"]),
    )
    numbers = [one["round"] for one in result["rounds"]]
    for axes, (title, value) in zip(figure.subplots(1, len(parts)), parts, strict=True):
        for name in result["rounds"][0]["learners"]:
            values = [value(one["learners"][name]) for one in result["rounds"]]
            axes.plot(numbers, values, "o-", markersize=3, label=name)
        axes.set(title=title, xlabel="round")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right")
    return figure


def _retention(row: dict[str, Any]) -> float:
    return row["retention"] if row["known before"] else float("nan")


def growth(result: dict[str, Any]) -> Figure:
    """Seconds of the first round and of one after an edit, by the number of hot chunks."""
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    chunks = [row["chunks"] for row in result["rows"]]
    for name in ("first", "after an edit"):
        axes.plot(chunks, [row[name]["seconds"] for row in result["rows"]], "o-", label=name)
    axes.set(title="Seconds of a round", xlabel="hot chunks", ylim=(0, None))
    axes.legend()
    return figure


def cost(result: dict[str, Any]) -> Figure:
    """What is known after so many seconds of training, and how far the model has moved."""
    figure = Figure(figsize=(12, 3), layout="constrained")
    names = ("recalled", "written", "proved", "KL")
    for axes, name in zip(figure.subplots(1, len(names)), names, strict=True):
        for learner in ("ragcl", "plain"):
            seconds = [row["seconds"] for row in result[learner]]
            axes.plot(seconds, [row[name] for row in result[learner]], "o-", label=learner)
        axes.set(title=name, xlabel="seconds", xlim=(0, None), ylim=(0, None))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right")
    return figure


PLOTS: dict[str, Callable[[dict[str, Any]], Figure]] = {
    "learning": learning,
    "paragraphs": paragraphs,
    "rounds": rounds,
    "growth": growth,
    "cost": cost,
}


if __name__ == "__main__":
    main()
