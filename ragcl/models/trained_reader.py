"""The trained reader: what the default language model was taught about reading passages.

A LoRA adapter that ships with the package and is merged into the weights once, when the default
model is made. `python -m benchmarks.reader` trains and measures it. Knows files and weights; not
what a prompt says.
"""

import json
import math
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

MARK = "reader.json"  # in a model's folder: which training its weights went through
DIGEST = "weights_sha256"
IDENTITY_DIGITS = 12  # of it, that tell a reader from any other


@dataclass(frozen=True)
class Forms:
    """How a reader's probabilities tell what form an answer should take.

    `quote`: by so many nats quoting must be likelier than a phrase; infinite for a model that was
    not trained to quote. `sure`: a phrase whose share among all is less is more often wrong than
    right. `unknown`: pairs of a rate and the nats by which not knowing must be likelier than
    answering, such that of the questions that are answered there, that rate is abstained from, on
    every kind of document. `strange`: what 98 in 100 questions about quite other things have of
    that at least. Chosen on questions set aside.
    """

    quote: float = math.inf
    sure: float = 0.0
    unknown: tuple[tuple[float, float], ...] = ()
    strange: float = -math.inf

    @property
    def tells_unknown(self) -> bool:
        """Whether the reader was taught to tell what no passage says."""
        return math.isfinite(self.strange)

    def limit(self, rate: float) -> float:
        """The nats of the strictest known limit that keeps to a rate; infinite where none does."""
        return min((nats for known, nats in self.unknown if known <= rate), default=math.inf)


@dataclass(frozen=True)
class TrainedReader:
    """Which training a model's weights went through; `identity` tells two of them apart."""

    identity: str
    forms: Forms = Forms()


def folder() -> Path:
    """Where the adapter and its manifest are."""
    return Path(str(resources.files(__package__))) / "reader"


def shipped() -> TrainedReader:
    """The reader that comes with the package."""
    manifest = json.loads((folder() / "manifest.json").read_text(encoding="utf-8"))
    return TrainedReader(manifest[DIGEST][:IDENTITY_DIGITS], _forms(manifest.get("forms", {})))


def merge(model: Any) -> Any:
    """The model with the reader in its weights; best given in float32, which rounds once."""
    from peft import PeftModel

    adapted: Any = PeftModel.from_pretrained(model, str(folder()))
    return adapted.merge_and_unload()


def mark(path: Path, reader: TrainedReader) -> None:
    """Note in a model's folder that its weights are those of a trained reader."""
    (path / MARK).write_text(json.dumps(asdict(reader), indent=2) + "\n", encoding="utf-8")


def marked(path: Path) -> TrainedReader | None:
    """Which reader a model's folder holds; None where it is none."""
    try:
        values = json.loads((path / MARK).read_text(encoding="utf-8"))
        return TrainedReader(values["identity"], _forms(values["forms"]))
    except FileNotFoundError:
        return None


def _forms(values: dict[str, Any]) -> Forms:
    known = dict(values)
    known["unknown"] = tuple((rate, nats) for rate, nats in known.get("unknown", ()))
    return Forms(**known)
