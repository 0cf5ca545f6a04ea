"""The trained reader: a LoRA adapter that trains the default language model to read passages.

It ships with the package and is merged into the weights once, when the default model is built.
`python -m benchmarks.reader` trains and measures it. Knows files and weights, and no prompts.
"""

import json
import math
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

MARK = "reader.json"  # in a model's folder: the reader that is merged into its weights
DIGEST = "weights_sha256"
IDENTITY_DIGITS = 12  # leading digits of the digest that identify a reader


@dataclass(frozen=True)
class Forms:
    """Thresholds on a reader's probabilities for the form of an answer, set on held-out questions.

    - `quote`: nats by which quoting must be likelier than a phrase; infinite for a model that was
      not trained to quote.
    - `sure`: below this share among all phrases, a phrase is more often wrong than right.
    - `unknown`: pairs of (rate, nats). If abstaining has to be likelier than answering by so many
      nats, at most that rate of answerable questions is abstained from, in every kind of document.
    - `strange`: 98 in 100 questions about unrelated subjects have at least so many of these nats.
    """

    quote: float = math.inf
    sure: float = 0.0
    unknown: tuple[tuple[float, float], ...] = ()
    strange: float = -math.inf

    @property
    def tells_unknown(self) -> bool:
        """Whether the reader was trained to abstain where no passage has the answer."""
        return math.isfinite(self.strange)

    def limit(self, rate: float) -> float:
        """The lowest threshold in nats that keeps to a rate; infinite if none does."""
        return min((nats for known, nats in self.unknown if known <= rate), default=math.inf)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Forms":
        """The thresholds from what `dataclasses.asdict` made of them."""
        known = dict(values)
        known["unknown"] = tuple((rate, nats) for rate, nats in known.get("unknown", ()))
        return cls(**known)


@dataclass(frozen=True)
class TrainedReader:
    """The reader that is merged into a model's weights; `identity` tells two readers apart."""

    identity: str
    forms: Forms = Forms()


def folder() -> Path:
    """The folder of the adapter and its manifest."""
    return Path(str(resources.files(__package__))) / "reader"


def shipped() -> TrainedReader:
    """The reader that comes with the package."""
    manifest = json.loads((folder() / "manifest.json").read_text(encoding="utf-8"))
    return TrainedReader(
        manifest[DIGEST][:IDENTITY_DIGITS], Forms.from_json(manifest.get("forms", {}))
    )


def merge(model: Any) -> Any:
    """The model with the reader merged into its weights; pass it in float32 to round only once."""
    from peft import PeftModel

    adapted: Any = PeftModel.from_pretrained(model, str(folder()))
    return adapted.merge_and_unload()


def mark(path: Path, reader: TrainedReader) -> None:
    """Write to a model's folder which reader its weights hold."""
    (path / MARK).write_text(json.dumps(asdict(reader), indent=2) + "\n", encoding="utf-8")


def marked(path: Path) -> TrainedReader | None:
    """The reader that a model's folder holds; None if it holds none."""
    try:
        values = json.loads((path / MARK).read_text(encoding="utf-8"))
        return TrainedReader(values["identity"], Forms.from_json(values["forms"]))
    except FileNotFoundError:
        return None
