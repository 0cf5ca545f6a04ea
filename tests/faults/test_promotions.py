"""Promotions, rollbacks and edits hurt no answer that is being given, in any thread or process."""

from pathlib import Path

import pytest
from conftest import PAIRS

from benchmarks.faults.promotions import hammer


@pytest.mark.parametrize(
    ("tiny_models", "changes"), [(PAIRS[0], 12), (PAIRS[1], 4)], indirect=["tiny_models"]
)
def test_no_promotion_or_rollback_hurts_an_answer_on_its_way(
    kb_folder: Path, random_adapters: Path, tmp_path: Path, changes: int
) -> None:
    seen = hammer(
        kb_folder, tmp_path / "docs", random_adapters / "one", changes, threads=2, processes=1
    )

    assert seen.problems == []
    assert seen.from_weights > 0
