"""What a benchmark says of itself while it runs."""

import sys


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
