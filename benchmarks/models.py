"""What one round teaches other models: a row for each pair of models, in one table.

    python -m benchmarks.models [--language en|zh|de] [--out FILE]

Measures the pair of the settings (`RAGCL_MODELS__LANGUAGE_MODEL=FOLDER`, `RAGCL_MODELS__EMBEDDER`)
and adds its row to those in the result file. In English it learns about the firms that are all
alike (`benchmarks.learning alike`), in Chinese and German the handbook's chapters in that language.

*Open-book* is the language model with passages, *closed-book* the weights alone, *nearest question*
the answer to the most similar question that was taught; all in wordings that were not learned.
*Taught*: of the questions that were asked about the passages learned, the share that became
training rows; the others are counted by reason. *Seconds*: of the round, of each of its stages, and
of its training for one row; they compare only within one run of the same machine. *Memory*: the
most that the process had, in MB.
"""

import argparse
import json
import resource
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import learning
from benchmarks.progress import say
from ragcl.models import model_files
from ragcl.settings import Settings

RESULTS = Path(__file__).parent / "results" / "models.json"
LANGUAGES = ("en", "zh", "de")
COLUMNS = {
    "open-book": "base, open-book",
    "closed-book": "adapter, closed-book",
    "nearest question": "nearest question taught",
    "auto": "auto",
    "context, asked before": "base, open-book, asked before",
    "auto, asked before": "auto, asked before",
    "context, near misses": "base, open-book, near misses",
    "auto, near misses": "auto, near misses",
}


def main() -> None:
    """Measure the pair of the settings, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    models = Settings().models
    name = f"{Path(models.language_model).name} with {Path(models.embedder).name}"
    say(f"{name}, {options.language}")
    with tempfile.TemporaryDirectory() as folder:
        if options.language == "en":
            found = learning.alike(Path(folder))
        else:
            found = learning.chapter(Path(folder), options.language)
    model = model_files.resolve(models.language_model, "language_model").path
    result = {
        "command": "python -m benchmarks.models",
        "rows": _rows(options.out) | {f"{name}, {options.language}": _row(found, model)},
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(table(result["rows"]))


def _rows(path: Path) -> dict[str, Any]:
    """The rows that were measured before."""
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else {}


def _row(found: dict[str, Any], model: Path) -> dict[str, Any]:
    """The figures of one pair, whose language model is in a folder."""
    report, rows = found["round"], found["rows"]
    trained, held_out = report["questions_trained"], report["questions_held_out"]
    left_out = report["questions_left_out"]
    taught = trained + held_out
    return {
        "parameters": model_files.parameters(model),
        "status": report["status"],
        **{column: rows[name]["accuracy"] for column, name in COLUMNS.items() if name in rows},
        "from the weights, asked before": rows["auto, asked before"]["from_weights"],
        "perplexity ratio": report["metrics"].get("perplexity ratio"),
        "taught": taught / max(1, taught + sum(left_out.values())),
        "left out": left_out,
        "round seconds": found["round_seconds"],
        "stage seconds": report["stage_seconds"],
        "training seconds a row": report["stage_seconds"].get("distillation", 0) / max(1, trained),
        "seconds a question, open-book": rows["base, open-book"]["seconds_a_question"],
        "seconds a question, closed-book": rows["adapter, closed-book"]["seconds_a_question"],
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,  # of kilobytes
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows as Markdown."""
    columns = [
        *("open-book", "closed-book", "nearest question", "auto", "auto, asked before"),
        *("perplexity ratio", "taught", "round seconds", "memory"),
    ]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        cells = [_cell(row.get(column)) for column in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value > 10 else f"{value:.3f}"


if __name__ == "__main__":
    main()
