"""What answers are worth to those who ask: right phrases, facts, and silence where it is due.

    python -m benchmarks.answers [SECTION ...] [--data FOLDER] [--out FILE]

FOLDER holds `xquad` (XQuAD, Artetxe et al. 2020) and `endoflife` (tables of endoflife.date);
without it the sections that need them are left out. Every question is asked in mode `context`:
nothing is learned here. The sections:

- *explaining*: how, why, what is, which ones and what happens, over the sample handbook and a copy
  of ragcl's own pages. *facts*: of the facts that a good answer holds, how many stand in the
  answer; *words*: its length; *in the passages*: how many stand in what is cited beside it.
- *phrases*: questions for a phrase over the same. *right*: the answer holds an accepted string.
- *silence*: *unrelated* questions, and questions *near* the topic that the texts do not answer: the
  share that was not answered; and of those that the texts answer, the share that was not (*false*).
- *followups*: questions that need what was said before them, and the same written out.
- *alike*: firms that are all alike in four styles of document.
- *xquad*: the 32 articles that no reader was trained on. *contained*, *exact* (SQuAD's), prompt
  tokens.
- *translated*: every fourth of these questions in English and in Chinese, for models that know
  both. *recall@1*: the first passage found is the right one. *unrelated*: of every eighth, asked
  where only the other articles are, the share that was not answered.
- *tables*: what release tables say of newest cycles, latest releases and ends of life; of the
  questions whose row was found.

The models are those of the settings: `RAGCL_MODELS__EMBEDDER=FOLDER` measures another.
"""

import argparse
import json
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.answers import firms
from benchmarks.progress import say
from benchmarks.xquad import NOT_TESTED, Asked, articles, lay_out
from ragcl import KnowledgeBase
from ragcl.evaluation.metrics import contains, exact_match
from ragcl.results import Answer

HERE = Path(__file__).parent
CORPORA = {
    "handbook": HERE.parent.parent / "data" / "handbook" / "2026-07-15",
    "docs": HERE / "documents" / "docs",
}
RESULTS = HERE.parent / "results" / "answers.json"


def main() -> None:
    """Run the sections, print what came out and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sections", metavar="SECTION", nargs="*", choices=[*SECTIONS, []])
    parser.add_argument("--data", metavar="FOLDER", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    result = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    for name in options.sections or SECTIONS:
        if name in NEEDS_DATA and options.data is None:
            say(f"{name}: left out, since no --data is given")
            continue
        say(f"{name} …")
        with tempfile.TemporaryDirectory(prefix="ragcl-answers-") as folder:
            started = time.time()
            result[name] = SECTIONS[name](Path(folder), options.data)
            result[name]["seconds"] = round(time.time() - started)
        print(f"{name}: {json.dumps(result[name])}", flush=True)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def questions(name: str) -> list[dict[str, Any]]:
    """One of the files of questions."""
    lines = (HERE / "questions" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def asked(folder: Path, corpus: str, texts: Sequence[str]) -> list[Answer]:
    """Answers from the passages of a corpus."""
    with KnowledgeBase.open(folder / corpus) as kb:
        kb.ingest(CORPORA[corpus])
        return kb.ask_many(texts, mode="context", record=False)


def answered(folder: Path, rows: Sequence[dict[str, Any]]) -> list[Answer]:
    """The answers to questions that name their corpus, in their order."""
    found: dict[int, Answer] = {}
    for corpus in CORPORA:
        places = [i for i, row in enumerate(rows) if row["corpus"] == corpus]
        answers = asked(folder, corpus, [rows[i]["question"] for i in places])
        found.update(zip(places, answers, strict=True))
    return [found[i] for i in range(len(rows))]


def explaining(folder: Path, _data: Path | None) -> dict[str, Any]:
    """The facts that answers to explaining questions hold."""
    rows = questions("explaining")
    answers = answered(folder, rows)
    held = [_held(row["facts"], one.text) for row, one in zip(rows, answers, strict=True)]
    cited = [
        _held(row["facts"], " ".join(citation.text for citation in one.citations))
        for row, one in zip(rows, answers, strict=True)
    ]
    facts = sum(len(row["facts"]) for row in rows)
    return {
        "questions": len(rows),
        "facts": sum(map(sum, held)) / facts,
        "in the passages": sum(map(sum, cited)) / facts,
        "words": statistics.mean(len(one.text.split()) for one in answers),
        "quotations": statistics.mean(one.form == "quotation" for one in answers),
        "silent": statistics.mean(one.abstained for one in answers),
        "by corpus": _by(rows, "corpus", [(sum(one), len(one)) for one in held]),
        "by kind": _by(rows, "kind", [(sum(one), len(one)) for one in held]),
    }


def phrases(folder: Path, _data: Path | None) -> dict[str, Any]:
    """Questions for a phrase that are answered rightly."""
    rows = questions("phrases")
    answers = answered(folder, rows)
    right = [contains(one.text, row["answers"]) for row, one in zip(rows, answers, strict=True)]
    return {
        "questions": len(rows),
        "right": statistics.mean(right),
        "words": statistics.mean(len(one.text.split()) for one in answers),
        "quotations": statistics.mean(one.form == "quotation" for one in answers),
        "silent": statistics.mean(one.abstained for one in answers),
        "by corpus": _by(rows, "corpus", [(one, 1) for one in right]),
    }


def silence(folder: Path, _data: Path | None) -> dict[str, Any]:
    """Questions that are not answered, where nothing answers and where something does."""
    near = questions("near")
    not_near = answered(folder, near)
    answerable = [*questions("phrases"), *questions("explaining")]
    known = answered(folder, answerable)
    unrelated = [one["question"] for one in questions("unrelated")]
    strange = [one for corpus in CORPORA for one in asked(folder, corpus, unrelated)]
    return {
        "unrelated": statistics.mean(one.abstained for one in strange),
        "near": statistics.mean(one.abstained for one in not_near),
        "false": statistics.mean(one.abstained for one in known),
        "near by kind": _by(near, "kind", [(one.abstained, 1) for one in not_near]),
        "questions": {"unrelated": len(strange), "near": len(near), "answerable": len(answerable)},
    }


def followups(folder: Path, _data: Path | None) -> dict[str, Any]:
    """Questions that need what was said before, and the same questions written out."""
    rows = questions("followups")
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(CORPORA["handbook"])
        said = [
            kb.ask(
                row["question"],
                history=[(question, answer) for question, answer in row["history"]],
                mode="context",
                record=False,
            )
            for row in rows
        ]
        written_out = kb.ask_many([row["standalone"] for row in rows], mode="context", record=False)
    right = [contains(one.text, row["answers"]) for row, one in zip(rows, said, strict=True)]
    reference = [
        contains(one.text, row["answers"]) for row, one in zip(rows, written_out, strict=True)
    ]
    return {
        "questions": len(rows),
        "right": statistics.mean(right),
        "right, written out": statistics.mean(reference),
        "by kind": _by(rows, "kind", [(one, 1) for one in right]),
    }


def alike(folder: Path, _data: Path | None) -> dict[str, Any]:
    """Firms that are all alike: is each told apart from the others?"""
    docs = folder / "docs"
    firms.lay_out(docs)
    rows = firms.questions()
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(docs)
        started = time.time()
        answers = kb.ask_many([one.question for one in rows], mode="context", record=False)
        seconds = (time.time() - started) / len(rows)
    right = [contains(one.text, list(row.answers)) for row, one in zip(rows, answers, strict=True)]
    facts: dict[str, list[bool]] = defaultdict(list)
    for row, one in zip(rows, right, strict=True):
        facts[row.fact].append(one)
    return {
        "questions": len(rows),
        "right": statistics.mean(right),
        "silent": statistics.mean(one.abstained for one in answers),
        "quotations": statistics.mean(one.form == "quotation" for one in answers),
        "prompt tokens": statistics.mean(one.prompt_tokens for one in answers),
        "seconds a question": seconds,
        "by fact": {fact: statistics.mean(some) for fact, some in facts.items()},
    }


def xquad(folder: Path, data: Path | None) -> dict[str, Any]:
    """Paragraphs of Wikipedia, each a file, and what people asked about them."""
    assert data is not None
    rows = _laid_out(folder / "docs", articles(data / "xquad"))
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(folder / "docs")
        started = time.time()
        answers = kb.ask_many([row.question for row in rows], mode="context", record=False)
        seconds = (time.time() - started) / len(rows)
    return {
        "questions": len(rows),
        **_read(rows, answers),
        "prompt tokens": statistics.mean(one.prompt_tokens for one in answers),
        "seconds a question": seconds,
    }


def translated(folder: Path, data: Path | None) -> dict[str, Any]:
    """The same paragraphs and questions in English and in Chinese."""
    assert data is not None
    return {
        language: _in_language(folder / language, articles(data / "xquad", language))
        for language in ("en", "zh")
    }


def _in_language(folder: Path, every: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is found, answered and not answered in one language."""
    others = [article for article in every if article["title"] in NOT_TESTED]
    _laid_out(folder / "docs", others)
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(folder / "docs")
        rows = _laid_out(folder / "docs", every)[::4]
        strange = kb.ask_many([row.question for row in rows[::2]], mode="context", record=False)
        kb.ingest(folder / "docs")
        answers = kb.ask_many([row.question for row in rows], mode="context", record=False)
    first = [one.trace["hits"][0]["source"] for one in answers]
    return {
        "questions": len(rows),
        "recall@1": statistics.mean(
            source == row.source for source, row in zip(first, rows, strict=True)
        ),
        **_read(rows, answers),
        "unrelated": statistics.mean(one.abstained for one in strange),
    }


def _laid_out(docs: Path, every: Sequence[dict[str, Any]]) -> list[Asked]:
    """Writes the paragraphs of articles, each a file; returns the questions that may be tested."""
    lay_out(docs, [one for one in every if one["title"] in NOT_TESTED])
    return lay_out(docs, [one for one in every if one["title"] not in NOT_TESTED])


def _read(rows: Sequence[Asked], answers: Sequence[Answer]) -> dict[str, float]:
    """The answers against the accepted ones."""
    pairs = [(one.text, row.accepted) for one, row in zip(answers, rows, strict=True)]
    return {
        "contained": statistics.mean(contains(text, right) for text, right in pairs),
        "exact": statistics.mean(exact_match(text, right) for text, right in pairs),
        "silent": statistics.mean(one.abstained for one in answers),
        "quotations": statistics.mean(one.form == "quotation" for one in answers),
    }


def tables(folder: Path, data: Path | None) -> dict[str, Any]:
    """Release tables: is the right cell read, where its row was found?"""
    assert data is not None
    source = data / "endoflife"
    lines = (source / "qa_stream.jsonl").read_text(encoding="utf-8").splitlines()
    stream = [json.loads(line) for line in lines]
    said: dict[str, str] = {}  # by the first snapshot: what the first change of it replaced
    for one in stream:
        said.setdefault(one["question"], one["stale_answer"])
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in stream:
        row = {**one, "answer": said[one["question"]]}
        if one["stale_answer"] and re.fullmatch(r"[\w.+-]+", one["stale_answer"]):
            kinds[one["kind"]].append(row)
    rows = [row for some in kinds.values() for row in some[:: max(1, len(some) // 40)][:40]]
    with KnowledgeBase.open(folder / "kb") as kb:
        kb.ingest(source / "snapshot_2025-01-01")
        answers = kb.ask_many([row["question"] for row in rows], mode="context", record=False)
    found = [
        any(row["answer"] in citation.text for citation in one.citations)
        or any(hit["source"] == row["doc"] for hit in one.trace["hits"][:1])
        for row, one in zip(rows, answers, strict=True)
    ]
    right = [contains(one.text, [row["answer"]]) for row, one in zip(rows, answers, strict=True)]
    hit = [(ok, row) for ok, row, seen in zip(right, rows, found, strict=True) if seen]
    return {
        "questions": len(rows),
        "found": statistics.mean(found),
        "right of those found": statistics.mean(ok for ok, _ in hit),
        "by kind": _by([row for _, row in hit], "kind", [(ok, 1) for ok, _ in hit]),
        "silent": statistics.mean(one.abstained for one in answers),
    }


def _held(facts: Sequence[Sequence[str]], text: str) -> list[bool]:
    """Which facts a text holds: one of the strings of each, as whole words."""
    return [contains(text, list(alternatives)) for alternatives in facts]


def _by(
    rows: Sequence[dict[str, Any]], key: str, counts: Sequence[tuple[float, int]]
) -> dict[str, float]:
    """The share by what rows have under a key."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row, (held, whole) in zip(rows, counts, strict=True):
        sums[row[key]][0] += held
        sums[row[key]][1] += whole
    return {name: held / whole for name, (held, whole) in sorted(sums.items())}


SECTIONS = {
    "explaining": explaining,
    "phrases": phrases,
    "silence": silence,
    "followups": followups,
    "alike": alike,
    "xquad": xquad,
    "translated": translated,
    "tables": tables,
}
NEEDS_DATA = frozenset({"xquad", "translated", "tables"})

if __name__ == "__main__":
    main()
