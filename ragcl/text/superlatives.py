"""The words that ask for the newest or the oldest of something.

In the languages of the calibration's wordings. Knows no text.
"""

NEWEST = frozenset(
    "newest latest recent neueste neuester neuestes neuesten dernier dernière récent récente "
    "último última reciente 最新".split()
)
OLDEST = frozenset(
    "oldest earliest first älteste ältester ältestes ältesten premier première primero primera "
    "最早".split()
)
