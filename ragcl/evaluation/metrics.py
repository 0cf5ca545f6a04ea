"""Metrics of answers against accepted strings, and question files.

Exact match and F1 are SQuAD's, so that they can be compared with published ones. An answer is
correct if it holds an accepted string. Knows nothing of how answers are made.
"""

import json
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragcl.errors import UsageError
from ragcl.printing import reason
from ragcl.results import Answer, EvaluatedQuestion, Evaluation, EvaluationReport, Mode
from ragcl.text.answers import holds
from ragcl.text.scripts import BRACKETS, PAUSES, STOPS, UNSPACED

_CHARACTER = re.compile(f"[{UNSPACED}]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans(
    "", "", f"{string.punctuation}\u2018\u2019\u201c\u201d{STOPS}{PAUSES}{BRACKETS}"
)


def normalise(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces (SQuAD, Rajpurkar et al. 2016)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def contains(text: str, answers: Sequence[str]) -> bool:
    """Whether `text` holds one of the accepted strings as whole words."""
    return any(holds(text, answer) for answer in answers)


def exact_match(text: str, answers: Sequence[str]) -> float:
    """1.0 if `text` is one of the accepted strings after normalising, else 0.0."""
    return float(normalise(text) in {normalise(answer) for answer in answers})


def token_f1(text: str, answers: Sequence[str]) -> float:
    """The best F1 over words between `text` and an accepted string, in [0, 1].

    In scripts without spaces every character is a word, as in MLQA (Lewis et al. 2020).
    """
    return max((_f1(_words(text), _words(a)) for a in answers), default=0.0)


def _words(text: str) -> list[str]:
    return _CHARACTER.sub(r" \g<0> ", normalise(text)).split()


def _f1(words: list[str], accepted: list[str]) -> float:
    shared = sum((Counter(words) & Counter(accepted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(words), shared / len(accepted)
    return 2 * precision * recall / (precision + recall)


@dataclass(frozen=True)
class Question:
    """A question with the answers that are accepted; none: it has no answer."""

    question: str
    answers: tuple[str, ...]


def read_questions(path: Path) -> list[Question]:
    """Read a question file: JSON lines with `question`, `answers` and optionally more.

    Raises:
        UsageError: there is no such file, or a line is not such an object.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {reason(error)}. Give a file of JSON lines."
        ) from error
    questions = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}:{number} is not JSON: {error}.") from error
        if not isinstance(one, dict) or not isinstance(one.get("question"), str):
            raise UsageError(f"{path}:{number} has no 'question'; give one on every line.")
        if not isinstance(one.get("answers"), list):
            raise UsageError(f"{path}:{number} has no 'answers', a list of accepted strings.")
        questions.append(Question(one["question"], tuple(map(str, one["answers"]))))
    if not questions:
        raise UsageError(f"{path} holds no question.")
    return questions


def score(
    mode: Mode, asked: Sequence[Question], answers: Sequence[Answer], seconds: float
) -> EvaluationReport:
    """Compare answers with the accepted strings; if there are none, abstaining is right."""
    details = []
    for one, answer in zip(asked, answers, strict=True):
        accepted = list(one.answers)
        right = contains(answer.text, accepted) if accepted else answer.abstained
        details.append(
            EvaluatedQuestion(
                question=answer.question,
                answers=accepted,
                text=answer.text,
                route=answer.route,
                correct=right,
                exact_match=exact_match(answer.text, accepted) if accepted else float(right),
                f1=token_f1(answer.text, accepted) if accepted else float(right),
                prompt_tokens=answer.prompt_tokens,
                seconds=answer.seconds,
            )
        )
    n = len(details)
    return EvaluationReport(
        mode=mode,
        questions=n,
        accuracy=sum(one.correct for one in details) / n,
        exact_match=sum(one.exact_match for one in details) / n,
        f1=sum(one.f1 for one in details) / n,
        abstained=sum(answer.abstained for answer in answers) / n,
        routes=dict(Counter(answer.route for answer in answers)),
        mean_prompt_tokens=sum(one.prompt_tokens for one in details) / n,
        seconds=seconds,
        details=details,
    )


def stored(
    report: EvaluationReport, file: str, sha256: str, started: float, adapter_set: int | None
) -> Evaluation:
    """The scores to store, without the questions; the fields are those of `Evaluation`."""
    return Evaluation(
        evaluated_at=started,
        file=file,
        sha256=sha256,
        mode=report.mode,
        adapter_set=adapter_set,
        round_id=None,
        questions=report.questions,
        accuracy=report.accuracy,
        exact_match=report.exact_match,
        f1=report.f1,
        abstained=report.abstained,
        from_weights=report.routes.get("weights", 0) / report.questions,
        mean_prompt_tokens=report.mean_prompt_tokens,
        seconds=report.seconds,
    )
