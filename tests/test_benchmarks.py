"""The benchmarks that write past ragcl write what ragcl would."""

from pathlib import Path

import numpy as np

from benchmarks.index import Vectors, fill
from ragcl.catalog import Catalog
from ragcl.retrieval.retriever import Retriever


def test_the_catalog_that_the_index_is_measured_on_is_sound(tmp_path: Path) -> None:
    made = Vectors(120)
    fill(tmp_path, made)
    catalog = Catalog(tmp_path)
    retriever = Retriever(catalog, None, tmp_path)  # type: ignore[arg-type]  # nothing is embedded
    [vectors] = made.batches()

    retriever.save()

    assert retriever.problems(repair=False) == []
    assert catalog.documents.count() == (3, 120)
    found = retriever.nearest(vectors[:5], 3)
    assert [one.hits[0].chunk.id for one in found] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose([one.hits[0].score for one in found], 1, atol=1e-5)
    catalog.close()
