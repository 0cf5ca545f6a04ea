"""A process that is forked off after the models were used answers as well."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# As a server does that loads before it forks. Two threads: one has no other to wait for.
SCRIPT = """
import os, sys, threading
import faiss, torch
torch.set_num_threads(2)
faiss.omp_set_num_threads(2)
from ragcl import KnowledgeBase

question = "How deep is the north berth?"
kb = KnowledgeBase.open(sys.argv[1])
kb.ingest(sys.argv[2])
torch.randn(900, 900) @ torch.randn(900, 900)
before = kb.ask(question)
assert before.id == 1
child = os.fork()
if child == 0:
    try:
        same = kb.ask(question)
        new = KnowledgeBase.open(sys.argv[1]).ask(question)
        assert (same.text, new.text) == (before.text, before.text)
        assert {same.id, new.id} == {2, 3}, (same.id, new.id)
        threads = torch.get_num_threads()
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        os._exit(1)
    os._exit(0 if threads == 1 else 2)
assert os.waitpid(child, 0)[1] == 0
assert kb.ask(question).id == 4
assert torch.get_num_threads() == 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_answers_with_models_of_its_own(kb_folder: Path, docs: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(kb_folder), str(docs)],
        capture_output=True,
        text=True,
        timeout=300,  # it would hang
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("was used before this process was forked") == 1
