"""A static embedding model, made from the default embedder: a vector a token, and their mean.

    python -m benchmarks.static_embedder FOLDER

As model2vec does (Tulkens and van Dongen 2024): each token of the vocabulary is embedded by itself,
the vectors are brought to their first principal components, and common tokens weigh less. It knows
no order of words and makes quite other cosines than the model it comes from, which is what it is
for: to see that nothing depends on them.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np

from ragcl.models import model_files
from ragcl.models.hardware import quiet_loading

DIMENSIONS = 256
BATCH = 1024


def main() -> None:
    """Make the folder of the model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    make(parser.parse_args().folder)


def make(folder: Path) -> None:
    """Write the model as a folder that `models.embedder` may name."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    quiet_loading()
    source = model_files.resolve("default", "embedder").path
    model = SentenceTransformer(str(source), device="cpu", local_files_only=True)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    size = tokenizer.get_vocab_size()
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    rows = []
    for start in range(0, size, BATCH):
        ids = torch.arange(start, min(size, start + BATCH))
        ends = [torch.full_like(ids, one) for one in (first, last)]
        tokens = torch.stack([ends[0], ids, ends[1]], 1)
        with torch.inference_mode():
            found = model({"input_ids": tokens, "attention_mask": torch.ones_like(tokens)})
        rows.append(found["sentence_embedding"].float().numpy())
    vectors = np.concatenate(rows)
    vectors -= vectors.mean(axis=0)
    _, directions = np.linalg.eigh(vectors.T @ vectors)
    vectors = vectors @ directions[:, ::-1][:, :DIMENSIONS]
    # By Zipf's law: the vocabulary is sorted by frequency, the rarer the later.
    vectors *= np.log1p(np.arange(size))[:, None]
    tokenizer.post_processor = None  # a static model has no use for [CLS] and [SEP]
    static = StaticEmbedding(tokenizer, embedding_weights=vectors.astype(np.float32))
    shutil.rmtree(folder, ignore_errors=True)
    SentenceTransformer(modules=[static], device="cpu").save(str(folder))


if __name__ == "__main__":
    main()
