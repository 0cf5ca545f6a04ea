"""What can go wrong while reading one file."""


class ReadError(Exception):
    """One file could not be turned into text; the text is one line that says what and why."""
