"""Make the trained reader again, and measure what it reads.

    python -m benchmarks.reader train SQUAD [--out FOLDER] [--passes N] [--seconds S]
    python -m benchmarks.reader calibrate SQUAD [--out FOLDER]
    python -m benchmarks.reader questions SQUAD
    python -m benchmarks.reader ability PROBES

SQUAD is a folder with `train.json` of SQuAD 2.0 (Rajpurkar et al. 2018, CC BY-SA 4.0): a list of
articles with their paragraphs, questions and accepted answers. Two of its articles are set aside,
and every twelfth written document, and the manuals of `held_out/`, which were written in another
hand; whatever is chosen is chosen on these. The adapter and its
manifest go to FOLDER, `ragcl/models/reader` unless another is named. `ragcl models pull` then makes
the default model with it, and `calibrate` writes to the manifest what tells its forms of answers
apart, and its scores, both on what was set aside.

`questions` writes the questions by which ragcl calibrates any other language model, to
`ragcl/generation/reading.jsonl`: some of those set aside, without SQuAD.

`ability` asks the model without the reader and with it what any model is asked: the probes that
`benchmarks/drift.py` names. What came out goes to `benchmarks/results/ability.json`.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from benchmarks import drift
from benchmarks.perplexity import perplexity
from benchmarks.probes import answered
from benchmarks.reader import calibration, lessons, squad, training
from benchmarks.reader.alike import collections
from benchmarks.reader.material import Document, documents, held_out
from ragcl.consolidation.training import anchors
from ragcl.generation import calibrating
from ragcl.generation.calibrating import calibrated
from ragcl.generation.language_model import WEIGHTS, LanguageModel, weights_digest
from ragcl.generation.narrowing import Sentence
from ragcl.generation.prompts import Prompts
from ragcl.models import model_files, trained_reader

ABILITY = Path(__file__).parent.parent / "results" / "ability.json"
SEED = 0
HELD_BACK = 12  # of written documents one in so many is set aside
NARROW = {"squad": 0.7, "written": 0.8, "alike": 0.3}  # the share of questions taught alone too
UNKNOWN = 0.6  # the share of those among them that nothing answers
ANCHORS = 160  # paragraphs of the documents that are anchors beside ragcl's own


def main() -> None:
    """Train a reader."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["train", "calibrate", "questions", "ability"])
    parser.add_argument("data", metavar="SQUAD | PROBES", type=Path)
    parser.add_argument("--out", type=Path, default=trained_reader.folder())
    parser.add_argument("--passes", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=4 * 3600)
    options = parser.parse_args()
    if options.what == "train":
        train(options.data, options.out, options.passes, options.seconds)
    elif options.what == "calibrate":
        calibrate(options.data, options.out)
    elif options.what == "questions":
        write_questions(options.data)
    else:
        ability(options.data)


def ability(folder: Path) -> None:
    """Write what the default model can do without the reader and with it."""
    probes = drift.read(folder)
    text = (folder / "wikitext2-valid.txt").read_text(encoding="utf-8")
    right: list[dict[str, list[bool]]] = []
    perplexities = []
    for files in (
        model_files.pull_without_reader(progress=print),
        model_files.resolve("default", "language_model"),
    ):
        model = LanguageModel(files)
        right.append({name: answered(model, asked) for name, asked in probes.items()})
        perplexities.append(perplexity(model, text, tokens=drift.PERPLEXITY_TOKENS))
    without, with_reader = right
    result = {
        "command": "python -m benchmarks.reader ability PROBES",
        "reader": trained_reader.shipped().identity,
        "perplexity ratio": perplexities[1] / perplexities[0],
        "probes": {name: drift.compared(without[name], with_reader[name]) for name in probes},
    }
    ABILITY.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def calibrate(squad_folder: Path, out: Path) -> None:
    """Write the limits of the default model's reader, and its scores, to its manifest."""
    model = LanguageModel(model_files.resolve("default", "language_model"))
    with tempfile.TemporaryDirectory(prefix="ragcl-reader-") as folder:
        others = documents_by_kind(squad_folder, held_back=False)
        others["alike"] = []  # which would name things as those that are set aside do
        aside = documents_by_kind(squad_folder, held_back=True) | held_out()
        rows = calibration.looks(model, aside, others, Path(folder))
    forms = calibrated(rows)
    path = out / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["forms"] = asdict(forms)
    manifest["scores"] = calibration.scores(model, rows, forms)
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({"forms": manifest["forms"], "scores": manifest["scores"]}, indent=2))


def write_questions(squad_folder: Path) -> None:
    """Write the questions by which other models are calibrated."""
    model = LanguageModel(model_files.resolve("default", "language_model"))
    aside = {"written": documents_by_kind(squad_folder, held_back=True)["written"]} | held_out()
    others = documents_by_kind(squad_folder, held_back=False)
    with tempfile.TemporaryDirectory(prefix="ragcl-reader-") as folder:
        rows = calibration.package_questions(model, aside, others, Path(folder))
    lines = [json.dumps({**asdict(one), "sentences": _rows(one.sentences)}) for one in rows]
    calibrating.QUESTIONS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(rows)} questions in {calibrating.QUESTIONS}")


def _rows(sentences: Sequence[Sentence]) -> list[list[Any]]:
    """The fields of sentences in order, with numbers for the hashes of their passages."""
    numbers = {
        key: str(n) for n, key in enumerate(dict.fromkeys(s.content_hash for s in sentences))
    }
    return [
        list(
            astuple(replace(one, content_hash=numbers[one.content_hash], score=round(one.score, 4)))
        )
        for one in sentences
    ]


def train(squad_folder: Path, out: Path, passes: float, seconds: float) -> None:
    """Train the reader on everything that is not set aside, and write it to `out`."""
    model = LanguageModel(model_files.pull_without_reader(progress=print))
    prompts = Prompts(model.tokenizer, trained=True)
    chance = random.Random(SEED)
    groups = []
    kinds = documents_by_kind(squad_folder, held_back=False)
    texts = [s.text for some in kinds.values() for d in some for s in d.sections]
    for kind, some in kinds.items():
        with tempfile.TemporaryDirectory(prefix="ragcl-reader-") as folder:
            given = lessons.sources([(kind, some)], SEED)
            narrow, whole = lessons.lessons(given, Path(folder), model, SEED)
        taken = [
            one
            for one in narrow
            if chance.random() < NARROW[kind] * (1.0 if one.asked[0][1] else UNKNOWN)
        ]
        made = [lessons.examples(one, prompts) for one in [*whole, *taken]]
        tokens = sum(map(training.size, made))
        print(
            f"{kind}: {len(some)} documents, {len(whole)} + {len(taken)} lessons, {tokens} tokens"
        )
        groups += made
    with tempfile.TemporaryDirectory(prefix="ragcl-reader-") as folder:
        facts = training.train(
            model,
            groups,
            [*anchors.texts()[0], *chance.sample(texts, min(ANCHORS, len(texts)))],
            Path(folder),
            passes=passes,
            seconds=seconds,
            seed=SEED,
        )
        ship(Path(folder), out, model.files.name)
    manifest = {
        "base": model.files.name,
        "base_revision": model.files.revision,
        trained_reader.DIGEST: weights_digest(out),
        "data": {
            "SQuAD 2.0": "13 articles less 2, CC BY-SA 4.0",
            "benchmarks/reader": "written and made for this, Apache-2.0",
        },
        "licence": "CC BY-SA 4.0",
        "command": f"python -m benchmarks.reader train SQUAD --passes {passes:g}",
        "seed": SEED,
        "training": facts,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def ship(trained: Path, out: Path, base: str) -> None:
    """Write a trained adapter to `out`, in half precision and without a path of this machine."""
    out.mkdir(parents=True, exist_ok=True)
    weights = {name: one.bfloat16() for name, one in load_file(trained / WEIGHTS).items()}
    save_file(weights, out / WEIGHTS, metadata={"format": "pt"})
    (out / WEIGHTS).chmod(0o644)
    config = json.loads((trained / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def documents_by_kind(squad_folder: Path, *, held_back: bool) -> dict[str, list[Document]]:
    """All documents that are trained on, by kind; or those that are set aside."""
    articles = squad.articles(squad_folder)
    return {
        "squad": [
            one
            for title, some in articles.items()
            if (title in squad.SET_ASIDE) == held_back
            for one in some
        ],
        "written": [
            one for number, one in enumerate(documents()) if (number % HELD_BACK == 0) == held_back
        ],
        # Those set aside are made with another seed, of which a few are enough.
        "alike": [
            document
            for one in collections(SEED + held_back)[:: 9 if held_back else 1]
            for document in one.documents
        ],
    }


if __name__ == "__main__":
    main()
