"""The settings of one knowledge base: the defaults, its `ragcl.toml` and the environment.

A setting comes from the environment (`RAGCL_ANSWERING__PASSAGES=3`), else from `ragcl.toml` in
the knowledge base, else from the defaults below. Knows nothing about what the values are used for.
"""

import os
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableVariable

from ragcl.errors import SettingsError

FILE_NAME = "ragcl.toml"
SECONDS_A_DAY = 86_400  # some settings are in days, every time in seconds


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Section):
    """Which weights are used: `default`, a folder, or the id of a model on the hub."""

    embedder: str = "default"
    query_prompt: str | None = None  # before a question, for the embedder; None: its folder's
    document_prompt: str | None = None  # before a passage
    language_model: str = "default"
    # A larger model that reads the answers to learn; or a server with OpenAI's API, written
    # MODEL@http://HOST/v1, which is sent questions and passages. Empty: the language model reads.
    teacher: str = ""
    reranker: str = ""  # a cross-encoder that reranks the best hits; empty: none
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: str = "auto"
    # 4-bit weights of the language model and a local teacher, with computation in `dtype` (QLoRA,
    # Dettmers et al. 2023, arXiv 2305.14314).
    four_bit: bool = False


class IngestSettings(_Section):
    """How files become chunks."""

    include: tuple[str, ...] = ()  # patterns as in .gitignore; if any, only files that match one
    exclude: tuple[str, ...] = ()
    max_file_mb: float = Field(50, gt=0)
    max_file_chars: int = Field(5_000_000, ge=1)  # of its text: some minutes of embedding
    chunk_tokens: int = Field(200, ge=16)  # never above the embedder's maximum
    read_seconds: float = Field(60, gt=0)
    read_memory_mb: int = Field(1024, ge=128)


class AnsweringSettings(_Section):
    """How a question becomes an answer."""

    # `phrase` gives the likeliest span of the source, `quote` the sentences that answer, `auto` one
    # of these by the question: nothing is invented, and a small model is right more often. `write`
    # lets the model write freely: for larger ones.
    reading: Literal["auto", "phrase", "quote", "write"] = "auto"
    # The share of answerable questions that may get "I don't know", as a trained reader was
    # calibrated. With a higher share fewer unanswerable questions are answered.
    false_abstentions: float = Field(0.05, ge=0, le=1)
    passages: int = Field(4, ge=1)
    context_tokens: int = Field(900, ge=64)  # passages only, without question and examples
    max_new_tokens: int = Field(256, ge=1)  # of a written answer
    # The share of questions unrelated to the documents that may pass the relevance threshold. Below
    # it the answer is an abstention, unless a reader that was trained to abstain is sure. 1: there
    # is no threshold.
    false_answers: float = Field(0.1, ge=0, le=1)
    max_question_chars: int = Field(4000, ge=1)
    # How long asks stay in the log, in days. None: for ever, since `explain` and rounds use it. A
    # few half-lives are enough to learn from.
    keep_asks_days: float | None = Field(None, gt=0)


class ConsolidationSettings(_Section):
    """What is learned, how, and the conditions for serving it."""

    half_life_days: float = Field(30, gt=0)
    min_asks: int = Field(2, ge=1)  # distinct questions about a chunk before it is hot
    max_chunks: int = Field(64, ge=1)
    shard_chunks: int = Field(64, ge=1)
    # Questions that a larger teacher writes about each hot chunk.
    written_questions: int = Field(8, ge=0)
    max_minutes: float = Field(60, gt=0)  # of a whole round; the rest is due again
    rank: int = Field(16, ge=1)
    layers: float = Field(0.3, gt=0, le=1)  # share of the layers, from the top, that are adapted
    targets: tuple[str, ...] = ()  # names of the adapted linear maps in these layers; empty: all
    # `rslora` scales by the root of the rank (Kalajdzievski 2023, arXiv 2312.03732); `dora` learns
    # the norm of each weight row separately (Liu et al. 2024, arXiv 2402.09353).
    variant: Literal["lora", "rslora", "dora"] = "lora"
    learning_rate: float = Field(4e-3, gt=0)
    epochs: int = Field(8, ge=1)
    min_steps: int = Field(48, ge=1)  # few rows need more epochs to change the weights
    batch_size: int = Field(8, ge=1)
    cross_entropy_weight: float = Field(1.0, ge=0)
    soft_label_weight: float = Field(0.1, ge=0)
    anchor_weight: float = Field(8.0, ge=0)
    drift_weight: float = Field(160.0, ge=0)
    # The router's thresholds are set so that at least this share of the answers routed to the
    # weights agrees with the in-context answers. The others are limits of the gate.
    agreement: float = Field(0.95, gt=0, le=1)
    min_proved: float = Field(0.5, ge=0, le=1)  # share of the learned chunks that are proved
    max_perplexity_ratio: float = Field(1.02, gt=1)  # on anchors, with the adapter to without
    # Share of held-out questions whose closed-book answer agrees with the in-context one, before
    # any routing.
    min_agreement: float = Field(0.4, ge=0, le=1)
    max_context_loss: float = Field(0.1, ge=0, le=1)  # of right context answers, with the adapter
    seed: int = 0
    # Where training curves are logged: in the adapter's folder, or to a service.
    tracker: Literal["tensorboard", "wandb", "mlflow"] = "tensorboard"


class Settings(BaseSettings):
    """All settings of one knowledge base; immutable once loaded."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="RAGCL_", env_nested_delimiter="__"
    )

    models: ModelSettings = ModelSettings()
    ingest: IngestSettings = IngestSettings()
    answering: AnsweringSettings = AnsweringSettings()
    consolidation: ConsolidationSettings = ConsolidationSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment has precedence over the file, whose values are init arguments."""
        return env_settings, init_settings


def load(folder: Path) -> Settings:
    """Read the settings of the knowledge base in `folder`.

    Raises:
        SettingsError: the file is not TOML, or has an unknown key or an invalid value.
    """
    path = folder / FILE_NAME
    values: dict[str, Any] = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{path} is not valid TOML: {error}. Correct or remove it."
            ) from error
    return checked(values, str(path))


def write_models(folder: Path, values: Mapping[str, str | None]) -> None:
    """Change settings of the models in `ragcl.toml`; all else in it stays as it is.

    A setting that becomes what it is by default is not added.

    Args:
        folder: the knowledge base.
        values: by name; None: the setting is removed.
    """
    import tomlkit

    path = (folder / FILE_NAME).resolve()  # it may be a link
    document = tomlkit.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    section = document.setdefault("models", tomlkit.table())
    defaults = ModelSettings()
    for name, value in values.items():
        if value is None:
            section.pop(name, None)
        elif name in section or value != getattr(defaults, name):
            section[name] = value
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(tomlkit.dumps(document))
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        shutil.copymode(path, temporary)
    os.replace(temporary, path)


def checked(values: Mapping[str, Any], where: str) -> Settings:
    """Validated settings from a mapping as in `ragcl.toml`: `{"answering": {…}}`.

    Raises:
        SettingsError: an unknown key or an invalid value; the message names `where`.
    """
    try:
        return Settings(**values)
    except UnreadableVariable as error:
        raise SettingsError(f"the environment: {error}. Correct or unset the variable.") from error
    except ValidationError as error:
        problems = "; ".join(_describe(problem) for problem in error.errors())
        raise SettingsError(f"{where}: {problems}. Correct it or remove it.") from error


def _describe(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown setting '{name}'"
    return f"'{name}' = {problem['input']!r}: {problem['msg']}"
