"""The command line as a module: `python -m ragcl.cli`."""

from ragcl.cli import main

main()
