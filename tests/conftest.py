"""Fixtures: two tiny models with random weights, a knowledge base on them, a few documents.

Nothing is downloaded. The embedder is a bag of words: what shares words is near. The language model
is noise, but noise that can be trained, cached, batched and adapted like any other. A test of what
has to hold whatever the models are is marked `on_both_pairs`: the others are as E5 and Qwen are.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import hypothesis
import numpy as np
import pytest
import torch

from ragcl import KnowledgeBase
from ragcl.catalog import Catalog
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Sentence
from ragcl.generation.reading import Reading
from ragcl.models import model_files
from ragcl.search.calibration import WORDINGS

if TYPE_CHECKING:
    from transformers import BertModel, PreTrainedTokenizerFast

# A property that is slow on a busy machine is none the less true.
hypothesis.settings.register_profile(
    "ragcl", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("ragcl")

# Workers side by side share the processors out: more threads than these would wait for one another.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    threads = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    os.environ["OMP_NUM_THREADS"] = str(threads)  # of the processes that tests start
    torch.set_num_threads(threads)
    faiss.omp_set_num_threads(threads)
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"

DOCUMENTS = {
    "berths.md": """\
# Berths

## North berth

The north berth is 11 metres deep. It takes tankers only.

## South berth

The south berth is 7 metres deep. Fishing boats moor there in winter.
""",
    "canteen.md": """\
# Canteen

The canteen opens at half past six. Soup costs 3 crowns. The cook is called Marta Holm.
""",
    "pilots.txt": """\
Pilots board at the red buoy. A pilot is compulsory for ships over 90 metres.

The pilot station answers on channel 12.
""",
    "tariff.csv": """\
service,price
water,14 crowns
electricity,9 crowns
rubbish,5 crowns
""",
}
QUESTIONS = (
    "How deep is the north berth?",
    "What depth has the north berth?",
    "When does the canteen open?",
    "At what hour does the canteen open?",
    "Where do pilots board?",
    "What does soup cost?",
)
_CHARACTERS = tuple(chr(code) for code in range(33, 127))
_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are at by do does for from has have how in is it its many much of on only or "
        "over past the there to was what when where which who with",
    )
)
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class TinyModels:
    """Folders that `models.embedder` and `models.language_model` may name."""

    embedder: Path
    language_model: Path


PAIRS = ("bert and llama", "e5 and qwen2")
on_both_pairs = pytest.mark.parametrize("tiny_models", PAIRS, indirect=True)


@pytest.fixture(scope="session")
def tiny_models(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> TinyModels:
    """An embedder of 32 dimensions and a language model of two layers, saved as safetensors."""
    folder = tmp_path_factory.mktemp("models")
    if getattr(request, "param", PAIRS[0]) == PAIRS[1]:
        return TinyModels(
            make_e5(folder / "tiny-e5"),
            make_language_model(folder / "tiny-qwen", architecture="qwen2"),
        )
    return TinyModels(
        make_embedder(folder / "tiny-embedder"), make_language_model(folder / "tiny-lm")
    )


@pytest.fixture(scope="session")
def other_embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another embedder, of 48 dimensions."""
    return make_embedder(tmp_path_factory.mktemp("other") / "other-embedder", seed=2, width=48)


@pytest.fixture(scope="session")
def random_adapters(tiny_models: TinyModels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two adapters of random weights for the tiny language model, `one` and `two`."""
    folder = tmp_path_factory.mktemp("adapters")
    for seed, name in enumerate(("one", "two"), start=12):  # whose writing reads back alike
        make_adapter(tiny_models.language_model, folder / name, seed)
    return folder


@pytest.fixture
def model(tiny_models: TinyModels) -> LanguageModel:
    """The tiny language model in float32, without adapters."""
    files = model_files.resolve(str(tiny_models.language_model), "language_model")
    return LanguageModel(files, dtype="float32", device="cpu")


@pytest.fixture(scope="session")
def four_bit_model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    """Another, whose weights are kept in 4 bits; they are wide enough to be rounded in blocks."""
    pytest.importorskip("bitsandbytes")
    folder = make_language_model(tmp_path_factory.mktemp("wide") / "lm", width=64)
    files = model_files.resolve(str(folder), "language_model")
    return LanguageModel(files, dtype="float32", device="cpu", four_bit=True)


@pytest.fixture
def reading() -> Reading:
    """What was read for one question."""
    sentences = (Sentence("It is open.", "y", 0.1), Sentence("It is 11 metres deep.", "x", 0.9))
    return Reading(
        question="How deep is the north berth at low water?",
        answer="11 metres",
        content_hash="x",
        ids=(1,),
        logprob=-0.1,
        top_ids=torch.zeros(2, 1, dtype=torch.long),
        top_logprobs=torch.zeros(2, 1),
        trust=1.0,
        sentences=sentences,
        vector=np.zeros(2, np.float32),
        found=("x",),
        score=0.9,
        margin=0.1,
        candidates=(("11 metres", 1.0),),
    )


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RAGCL_")]:
        if name not in {"RAGCL_CACHE", "RAGCL_WHEELS"}:
            monkeypatch.delenv(name)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """An empty catalog without a knowledge base."""
    opened = Catalog(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def kb_folder(tmp_path: Path, tiny_models: TinyModels) -> Path:
    """The folder of a knowledge base on the tiny models, whose gate lets nearly all pass."""
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "ragcl.toml").write_text(settings_text(tiny_models), encoding="utf-8")
    return folder


@pytest.fixture
def kb(kb_folder: Path) -> Iterator[KnowledgeBase]:
    """An open, empty knowledge base."""
    with KnowledgeBase.open(kb_folder) as opened:
        yield opened


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with the four documents of `DOCUMENTS`."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def settings_text(models: TinyModels) -> str:
    """The `ragcl.toml` of a knowledge base on the tiny models."""
    return f"""\
[models]
embedder = "{models.embedder.as_posix()}"
language_model = "{models.language_model.as_posix()}"
dtype = "float32"
device = "cpu"

[answering]
max_new_tokens = 8

[consolidation]
min_asks = 1
written_questions = 0
epochs = 1
min_steps = 1
rank = 2
layers = 1.0
batch_size = 4
min_proved = 0.0
min_agreement = 0.0
max_perplexity_ratio = 1000.0
max_context_loss = 1.0
"""


def make_embedder(folder: Path, seed: int = 1, width: int = 32) -> Path:
    """A BERT that neither mixes nor places its words: its vector is the mean of their vectors.

    Function words and single characters weigh little.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import BertTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*_CHARACTERS, *(f"##{character}" for character in _CHARACTERS)]
    sizes = {**dict.fromkeys(special, 0.0), **dict.fromkeys(pieces, 0.1), **_words()}
    vocabulary = {token: i for i, token in enumerate(sizes)}

    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    fast = BertTokenizerFast(tokenizer_object=tokenizer, model_max_length=128)
    return _save_embedder(folder, fast, _bag_of_words(sizes, fast, seed, width))


def make_e5(folder: Path) -> Path:
    """The same as multilingual E5: Unigram pieces with case, prompts, and cosines that are high."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    known = {**_words(), "query": 5.0, "passage": 5.0}
    words = {f"\u2581{word}": size for word, size in known.items()}
    names = {"\u2581" + word[1:].title(): word for word in words}
    pieces = dict.fromkeys(["\u2581", *_CHARACTERS], 0.1)
    sizes = {**dict.fromkeys([*special.values(), *names], 0.0), **pieces, **words}
    scores = [(token, -10.0 if token in pieces else -5.0) for token in sizes]

    tokenizer = Tokenizer(models.Unigram(scores, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=128,
        cls_token="<s>",
        sep_token="</s>",
        **special,
    )
    model = _bag_of_words(sizes, fast, seed=1, width=32)
    with torch.no_grad():
        vectors = model.embeddings.word_embeddings.weight
        for name, word in names.items():
            vectors[fast.vocab[name]] = vectors[fast.vocab[word]]
        # One direction in every vector: what has nothing in common has cosines about 0.75.
        model.encoder.layer[-1].output.LayerNorm.bias.fill_(0.15)
    return _save_embedder(
        folder, fast, model, prompts={"query": "query: ", "document": "passage: "}
    )


def _words() -> dict[str, float]:
    """The words that a tiny embedder knows, and how large the vector of each is."""
    texts = " ".join([*DOCUMENTS.values(), *QUESTIONS]).lower()
    found = {*re.findall(r"[a-z]{2,}", texts)} | _FUNCTION_WORDS
    words = sorted(word for word in found if word.removesuffix("s") not in found - {word})
    everyday = sorted(set(re.findall(r"[a-z]{2,}", WORDINGS.read_text("utf-8").lower())))
    return {word: 0.1 if word in _FUNCTION_WORDS else 5.0 for word in [*words, *everyday]}


def _bag_of_words(
    sizes: dict[str, float], tokenizer: "PreTrainedTokenizerFast", seed: int, width: int
) -> "BertModel":
    """A BERT of which each token has a random vector of its size, and nothing else a weight."""
    from transformers import BertConfig, BertModel

    random = torch.Generator().manual_seed(seed)
    model = BertModel(
        BertConfig(
            vocab_size=len(sizes),
            hidden_size=width,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=128,
            layer_norm_eps=1.0,  # so that small vectors stay small
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "LayerNorm" not in name:
                weights.zero_()
        for i, size in enumerate(sizes.values()):
            model.embeddings.word_embeddings.weight[i] = size * torch.randn(width, generator=random)
        model.embeddings.word_embeddings.weight[tokenizer.unk_token_id] = 0.1  # some direction
    return model


def _save_embedder(
    folder: Path, tokenizer: "PreTrainedTokenizerFast", model: "BertModel", **settings: Any
) -> Path:
    """As sentence-transformers saves it: the vector of a text is the mean of its tokens'."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    inner = folder.with_name(folder.name + "-parts")
    model.save_pretrained(inner)
    tokenizer.save_pretrained(inner)
    transformer = Transformer(str(inner), max_seq_length=128)
    pooling = Pooling(model.config.hidden_size, pooling_mode="mean")
    whole = SentenceTransformer(modules=[transformer, pooling], device="cpu", **settings)
    whole.save(str(folder))
    return folder


def make_language_model(
    folder: Path, seed: int = 6, width: int = 32, architecture: str = "llama"
) -> Path:
    """A Llama of two layers with random weights; the words of the documents are single tokens.

    Nearness to the question decides among those, and the seed is one under which it reads right.
    Of the architecture "qwen2" it has the biases too, and a token for each digit.
    """
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    special = ["<|im_start|>", "<|im_end|>", "<|pad|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if architecture == "qwen2":
        digits = pre_tokenizers.Split(Regex(r"\p{N}"), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, tokenizer.pre_tokenizer])
    tokenizer.decoder = decoders.ByteLevel()
    texts = [*DOCUMENTS.values(), *QUESTIONS]
    tokenizer.train_from_iterator(
        [*texts, *re.findall(r"\w+", " ".join(texts))],
        trainers.BpeTrainer(
            vocab_size=800,
            min_frequency=1,
            special_tokens=special,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=special[0],
        eos_token=special[1],
        pad_token=special[2],
        chat_template=CHAT_TEMPLATE,
    )
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(
            architecture,
            vocab_size=len(fast),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            initializer_range=0.3,  # large enough that its likeliest token stands out
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=2,
        )
    )
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.endswith("bias"):  # which are zero in a new model
                weights.normal_(std=0.3)
    model.save_pretrained(folder)
    return folder


def make_adapter(
    base: Path,
    folder: Path,
    seed: int,
    targets: str | list[str] = ["q_proj", "v_proj", "down_proj"],  # noqa: B006  # PEFT wants a list
) -> None:
    """Write a LoRA of random weights that changes what the model says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    adapted = get_peft_model(
        model,
        LoraConfig(
            r=4,
            lora_alpha=16,
            target_modules=targets,
            init_lora_weights=False,
            task_type="CAUSAL_LM",
        ),
    )
    adapted.save_pretrained(str(folder))
    manifest = {"base_revision": model_files.resolve(str(base), "language_model").revision}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def cosines(kb: KnowledgeBase, question: str) -> dict[str, float]:
    """The cosine of every current text, without any index."""
    connection = kb.catalog.database._engine.raw_connection()
    rows = connection.execute("SELECT text, vector FROM chunks").fetchall()  # type: ignore[attr-defined]
    connection.close()
    vector = kb._embedder.encode_questions([question])[0]
    return {text: float(np.frombuffer(blob, np.float32) @ vector) for text, blob in rows}
