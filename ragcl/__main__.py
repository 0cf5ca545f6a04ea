"""The command line as a module: `python -m ragcl`."""

from ragcl.cli import main

main()
