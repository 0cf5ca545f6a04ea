"""What the model could do before it learned the sample handbook, and whether it still can.

    python -m benchmarks.drift FOLDER [--out FILE]

FOLDER holds `wikitext2-valid.txt` (the validation part of WikiText-2, Merity et al. 2016, as raw
text) for the perplexity; `arc_easy.jsonl` and `lambada_openai.jsonl` in the form that
benchmarks/probes.py reads, with the questions that EleutherAI's harness asks; and, in
`blimp/`, the files of alexwarstadt/blimp. The training wordings of the handbook are asked and one
round is run. Then the base model and every adapter of the round are asked the same: all of
ARC-easy, and of the others so many at equal distances.

*Lost* are the questions that the base model gets right and the adapter does not, *won* the reverse:
where nothing is learned or forgotten, chance alone parts them by about the root of their sum.
"""

import argparse
import json
import math
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.perplexity import perplexity
from benchmarks.probes import Choice, answered, arc_easy, blimp, evenly, lambada
from benchmarks.progress import say
from benchmarks.sample import learn
from ragcl import KnowledgeBase
from ragcl.generation.language_model import LanguageModel
from ragcl.models import model_files

RESULTS = Path(__file__).parent / "results" / "drift.json"
PERPLEXITY_TOKENS = 32_768
LAMBADA_PASSAGES = 2000
BLIMP_PAIRS = 200  # of each of its files


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragcl-drift-") as folder:
        result = measure(Path(folder), options.folder)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result))


def measure(folder: Path, probes: Path) -> dict[str, Any]:
    """One round on the first revision of the handbook, then the probes."""
    text = (probes / "wikitext2-valid.txt").read_text(encoding="utf-8")
    choices = read(probes)
    with KnowledgeBase.open(folder / "kb") as kb:
        say("one round …")
        report = learn(kb, folder / "docs")
    say(f"  {report.status}: {report.metrics}")
    model = LanguageModel(model_files.resolve("default", "language_model"))

    def perplexed(adapter: str | None) -> float:
        return perplexity(model, text, adapter=adapter, tokens=PERPLEXITY_TOKENS)

    say("the base model …")
    perplexity_before = perplexed(None)
    before = {name: answered(model, asked) for name, asked in choices.items()}
    adapters = {}
    for adapter in report.adapter_ids:
        say(f"{adapter} …")
        model.attach(adapter, folder / "kb" / "adapters" / adapter)
        adapters[adapter] = {
            "perplexity ratio": perplexed(adapter) / perplexity_before,
            "probes": {
                name: compared(before[name], answered(model, asked, adapter))
                for name, asked in choices.items()
            },
        }
    return {
        "command": "python -m benchmarks.drift",
        "threads": torch.get_num_threads(),
        "round": report.status,
        "perplexity tokens": PERPLEXITY_TOKENS,
        "base perplexity": perplexity_before,
        "adapters": adapters,
    }


def read(probes: Path) -> dict[str, list[Choice]]:
    """The questions of every probe."""
    return {
        "ARC-easy": arc_easy(probes / "arc_easy.jsonl"),
        "LAMBADA": evenly(lambada(probes / "lambada_openai.jsonl"), LAMBADA_PASSAGES),
        "BLiMP": [
            one
            for path in sorted((probes / "blimp").glob("*.jsonl"))
            for one in evenly(blimp(path), BLIMP_PAIRS)
        ],
    }


def compared(before: Sequence[bool], after: Sequence[bool]) -> dict[str, float]:
    """The shares that are right, and how many questions were lost and won."""
    pairs = list(zip(before, after, strict=True))
    return {
        "questions": len(pairs),
        "base": statistics.mean(before),
        "adapter": statistics.mean(after),
        "lost": sum(was and not now for was, now in pairs),
        "won": sum(now and not was for was, now in pairs),
    }


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [f"The round ended {result['round']}."]
    for adapter, found in result["adapters"].items():
        lines += [
            "",
            f"{adapter}: perplexity {found['perplexity ratio']:.4f} x that of the base model",
            "",
            "| | questions | base | adapter | lost | won | by chance |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, row in found["probes"].items():
            chance = math.sqrt(row["lost"] + row["won"]) / row["questions"]
            lines.append(
                f"| {name} | {row['questions']} | {row['base']:.4f} | {row['adapter']:.4f} "
                f"| {row['lost']} | {row['won']} | +-{chance:.4f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
