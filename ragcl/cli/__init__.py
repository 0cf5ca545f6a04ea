"""The command line: one verb for each method of the knowledge base.

Parses, calls and prints; knows nothing else. With `--json` one document goes to standard output;
everything that is not the result goes to standard error.
"""

import sys

from ragcl.cli import answers, documents, learning, upkeep  # noqa: F401  # each adds its verbs
from ragcl.cli.common import app
from ragcl.printing import fit

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line."""
    fit(sys.stdout, sys.stderr)
    app()
