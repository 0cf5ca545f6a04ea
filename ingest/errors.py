"""The error of reading a file."""


class ReadError(Exception):
    """A file could not be turned into text; the message is one line with the reason."""
