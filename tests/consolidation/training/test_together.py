"""Several processes, as on a machine with several devices: they train one adapter together."""

import json
import subprocess
import sys
from pathlib import Path

from ragcl import KnowledgeBase

ASKED = ("How deep is the north berth?", "North berth depth?", "What depth has the north berth?")


def launched(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`ragcl` in two processes at once."""
    programs = Path(sys.executable).parent  # without GPUs, accelerate itself launches only one
    options = ["--standalone", "--nproc_per_node=2"]
    command = [programs / "torchrun", *options, programs / "ragcl", "--kb", folder]
    return subprocess.run([*command, *arguments], capture_output=True, text=True)


def test_processes_that_are_launched_together_run_one_round(kb_folder: Path, docs: Path) -> None:
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        kb.ask_many(ASKED)

    done = launched(kb_folder, "consolidate", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "promoted"  # one of them speaks
    [manifest] = (kb_folder / "adapters").glob("*/manifest.json")
    assert json.loads(manifest.read_text())["processes"] == 2
    with KnowledgeBase.open(kb_folder) as kb:
        assert len(kb.catalog.learning.rounds()) == 1
        assert kb.ask(ASKED[0]).trace["adapter_set"] is not None


def test_where_nothing_is_due_all_of_them_end(kb_folder: Path, docs: Path) -> None:
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)

    done = launched(kb_folder, "consolidate", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "nothing due"
