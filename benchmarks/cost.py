"""What it costs to teach the sample handbook, beside a plain script that is taught the same rows.

    python -m benchmarks.cost [--out FILE]

Needs no outside data. One round on the handbook makes the rows: the questions asked, with the
answers that were studied for them. On these very rows the distillation of ragcl is run with fewer
and more passes, and so is the plain script of `benchmarks/contenders.py` (PEFT and transformers'
Trainer, every layer adapted, all logits), each training with a schedule of its own. Counted are the
seconds from the base model to the trained adapter; of ragcl those in which its anchors are prepared
as well. Known is

- *recalled*: without context, in a wording never asked, the accuracy of what is likeliest of the
  answers taught about the passages found;
- *written*: the same of what is written freely;
- *proved*: the share of the questions taught (a part of them) to which the answer is written
  freely, as they were asked and politely, which is how a round proves what it has learned;
- *KL*: how far the model has moved on texts that neither of them trained on, in nats a token.

For every training of ragcl, the plain one that is compared is the shortest which reaches as much.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.contenders import (
    Plain,
    accuracy,
    distilled,
    proved_share,
    readings_taught,
    recalled,
    rows_taught,
    written,
)
from benchmarks.probes import evenly
from benchmarks.progress import say
from benchmarks.sample import REVISIONS, learn, questions
from ragcl import KnowledgeBase
from ragcl.consolidation.gate.verification import drift
from ragcl.consolidation.promotion import Manifest, write_manifest
from ragcl.consolidation.training import anchors
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.reading import Reading
from ragcl.models import model_files
from ragcl.settings import ConsolidationSettings

RESULTS = Path(__file__).parent / "results" / "cost.json"
PASSES = (4, 6, 8)  # over the rows, of ragcl
PLAIN_PASSES = (2, 3, 4, 5, 6)
ASKED_TO_PROVE = 64  # of the questions taught
MEASURES = ("recalled", "written", "proved")
COMPARED = {**{name: (name,) for name in MEASURES}, "all": MEASURES}


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragcl-cost-") as folder:
        result = measure(Path(folder))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result))


def measure(folder: Path) -> dict[str, Any]:
    """Train both with so many passes each."""
    asked = questions(REVISIONS[0], held_out=True)
    unseen = [one["question"] for one in asked]
    right = [one["answers"] for one in asked]
    say("one round, for the rows …")
    with KnowledgeBase.open(folder / "kb") as kb:
        learn(kb, folder / "docs")
        rows = readings_taught(kb)
        choices = [[row.answer for row in taught] for taught in rows_taught(kb, unseen)]
    model = LanguageModel(model_files.resolve("default", "language_model"))
    strange = anchors.make(model, anchors.texts()[1])

    def known(adapter: str) -> dict[str, float]:
        return {
            "recalled": accuracy(recalled(model, unseen, choices, adapter), right),
            "written": accuracy(written(model, unseen, adapter), right),
            "proved": proved_share(model, evenly(rows, ASKED_TO_PROVE), adapter),
            "KL": drift(model, adapter, strange)[1],
        }

    def trained(
        name: str, train: Callable[[LanguageModel, Sequence[Reading], int, Path], None], passes: int
    ) -> dict[str, float]:
        say(f"{name}, {passes} passes …")
        started = time.time()  # what is trained is attached by this name
        train(model, rows, passes, folder / f"{name}-{passes}")
        seconds = time.time() - started
        row = {"passes": passes, "seconds": seconds, **known(name)}
        model.detach(name)
        say(f"  {row}")
        return row

    return {
        "command": "python -m benchmarks.cost",
        "threads": torch.get_num_threads(),
        "rows": len(rows),
        "ragcl": [trained("ragcl", _distilled, passes) for passes in PASSES],
        "plain": [trained("plain", _fine_tuned, passes) for passes in PLAIN_PASSES],
    }


def _distilled(model: LanguageModel, rows: Sequence[Reading], passes: int, folder: Path) -> None:
    distilled(model, rows, ConsolidationSettings(epochs=passes), folder)
    write_manifest(folder, Manifest(base_revision=model.files.revision))
    model.attach("ragcl", folder)


def _fine_tuned(model: LanguageModel, rows: Sequence[Reading], passes: int, folder: Path) -> None:
    Plain(model, folder, epochs=passes).learn_answers(rows)


def shortest(plain: Sequence[dict[str, float]], least: dict[str, float]) -> dict[str, float] | None:
    """The first of the plain trainings that knows at least as much in the measures given."""
    enough = (row for row in plain if all(row[name] >= value for name, value in least.items()))
    return next(enough, None)


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        f"{result['rows']} rows, {result['threads']} threads.",
        "",
        "| | passes | seconds | recalled | written | proved | KL |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("ragcl", "plain"):
        for row in result[name]:
            lines.append(
                f"| {name} | {row['passes']} | {row['seconds']:.0f} | {row['recalled']:.3f} "
                f"| {row['written']:.3f} | {row['proved']:.3f} | {row['KL']:.4f} |"
            )
    lines.append("")
    for row in result["ragcl"]:
        compared = []
        for name, measures in COMPARED.items():
            found = shortest(result["plain"], {one: row[one] for one in measures})
            times = f"{found['seconds'] / row['seconds']:.1f} x" if found else "never"
            compared.append(f"{name}: {times}")
        lines.append(f"plain for as much as ragcl in {row['passes']} passes: {'; '.join(compared)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
