"""Calibrates how a language model reads: which form its probabilities give an answer.

The trained reader of the default model comes with its thresholds. Any other model is asked, once,
the questions of `reading.jsonl`, each with the sentences that were found for it; they were written
for this. The thresholds are kept in the cache of the models, for every knowledge base. Knows no
knowledge base.
"""

import hashlib
import json
import logging
import os
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np

from ragcl.catalog.passage import Passage
from ragcl.files.digests import digest
from ragcl.generation import reading
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Sentence
from ragcl.generation.reading import Outlook, Reader
from ragcl.generation.recipe import CALIBRATION, READING
from ragcl.models import model_files
from ragcl.models.trained_reader import Forms
from ragcl.results import Form
from ragcl.search.retrieval import Retrieval
from ragcl.text.answers import compatible

log = logging.getLogger(__name__)

QUESTIONS = Path(str(resources.files(__package__))) / "reading.jsonl"
CONTEXT_TOKENS = 900
VERSION = 1  # of this code: raised when it sets other thresholds on the same questions
_MADE_BY = f"{reading.VERSION}.{VERSION}-{digest(READING, CALIBRATION)}"
_KNOWN: dict[str, Forms] = {}  # of this process, by model and what measured it


@dataclass(frozen=True)
class Question:
    """A question whose answer is known, with the sentences found for it, the best last.

    `kind` names its documents; `answers` are the accepted phrases; `related` says whether it is
    about these documents at all.
    """

    kind: str
    question: str
    form: Form
    answers: tuple[str, ...]
    related: bool
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True)
class Judged:
    """What a reader makes of a question whose answer is known; fields as in `Question`."""

    kind: str
    form: Form
    answers: tuple[str, ...]
    related: bool
    outlook: Outlook

    @property
    def gain(self) -> float:
        """By how many nats the start of a quotation is likelier than any phrase."""
        return self.outlook.quote - self.outlook.phrase

    @property
    def right(self) -> bool:
        """Whether the phrase that is read is an accepted one."""
        read = self.outlook.reading
        return read is not None and any(compatible(read.answer, a) for a in self.answers)


def forms_of(model: LanguageModel) -> Forms:
    """The thresholds of a model: those of its trained reader, or else what was measured once."""
    if model.files.reader is not None:
        return model.files.reader.forms
    identity = f"{model.files.name}@{model.files.revision}/{_MADE_BY}"
    if identity not in _KNOWN:
        _KNOWN[identity] = _kept_or_measured(model, identity)
    return _KNOWN[identity]


def _kept_or_measured(model: LanguageModel, identity: str) -> Forms:
    name = hashlib.sha256(identity.encode()).hexdigest()[:16]
    path = model_files.cache_dir() / "readings" / f"{name}.json"
    try:
        return Forms.from_json(json.loads(path.read_text(encoding="utf-8"))["forms"])
    except (OSError, ValueError, TypeError, KeyError):
        forms = measure(model)
    if forms != Forms():
        kept = {"model": identity, "forms": asdict(forms)}
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
            os.replace(temporary, path)
        except OSError as error:
            log.warning("What was measured of %s is not kept: %s", model.files.name, error)
    return forms


def measure(model: LanguageModel) -> Forms:
    """The thresholds of a model on the questions that come with the package.

    A model that reads fewer than `CALIBRATION.least_right` of the first phrases gets none: all its
    answers are phrases, and it never abstains for what it reads.
    """
    asked = list(questions())
    asked.sort(key=lambda one: one.form != "phrase")
    reader = Reader(model, None, CONTEXT_TOKENS)
    judged = [_judged(reader, one) for one in asked[: CALIBRATION.tried]]
    if sum(one.right for one in judged) < CALIBRATION.least_right * CALIBRATION.tried:
        return Forms()
    log.warning("Measuring once how %s reads, on %d questions.", model.files.name, len(asked))
    judged += [_judged(reader, one) for one in asked[CALIBRATION.tried :]]
    abstains = Forms(quote=quote_threshold(judged), strange=0.0)
    return calibrated(
        [replace(one, outlook=reader.look_again(one.outlook, abstains)) for one in judged]
    )


def questions() -> Iterator[Question]:
    """The questions that come with the package."""
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        values["answers"] = tuple(values["answers"])
        values["sentences"] = tuple(Sentence(*one) for one in values["sentences"])
        yield Question(**values)


def _judged(reader: Reader, asked: Question) -> Judged:
    best = asked.sentences[-1]
    found = Passage(best.text, best.score, "", None, best.heading, best.content_hash)
    retrieval = Retrieval(np.zeros(1, np.float32), (found,))
    shown = reader.fitting(asked.sentences)
    outlook = reader.first_look(asked.question, retrieval, shown)
    return Judged(asked.kind, asked.form, asked.answers, asked.related, outlook)


def calibrated(rows: Sequence[Judged]) -> Forms:
    """The thresholds by which most forms are right, and those for rates of false abstention."""
    known = [one for one in rows if one.form != "none"]
    kinds = sorted({one.kind for one in rows})
    unknown = [[one.outlook.not_knowing() for one in known if one.kind == kind] for kind in kinds]
    limits = tuple(
        (rate, max(float(np.quantile(some, 1 - rate)) for some in unknown))
        for rate in CALIBRATION.rates
    )
    strange = [one.outlook.not_knowing() for one in rows if not one.related]
    return Forms(
        quote_threshold(rows),
        _sure(known),
        limits,
        float(np.quantile(strange, CALIBRATION.strange)),
    )


def quote_threshold(rows: Sequence[Judged]) -> float:
    """The gain above which sentences answer: most of both forms are then given the right one.

    Both forms count alike, since how often people ask for sentences is not known.
    """
    known = [one for one in rows if one.form != "none"]

    def right(limit: float) -> float:
        return sum(
            statistics.mean(
                (one.gain > limit) == (form == "quotation") for one in known if one.form == form
            )
            for form in ("phrase", "quotation")
        )

    return float(max(sorted(one.gain for one in known), key=right))


def _sure(known: Sequence[Judged]) -> float:
    """The share among all spans from which on phrases are worth giving: most right, fewest wrong.

    A right one counts for as much as a wrong one against; kinds of documents count alike.
    """
    kinds: dict[str, list[tuple[float, bool]]] = {}
    for one in known:
        if one.form == "phrase" and one.outlook.reading is not None:
            kinds.setdefault(one.kind, []).append((one.outlook.reading.trust, one.right))

    def worth(limit: float) -> float:
        return sum(
            sum(1 if right else -1 for trust, right in some if trust >= limit) / len(some)
            for some in kinds.values()
        )

    return float(max((n / 20 for n in range(20)), key=worth))
