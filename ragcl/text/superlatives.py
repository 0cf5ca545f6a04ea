"""The words that ask for an end of an order: the newest, the oldest, the most, the least.

Those of time are in the languages of the calibration's wordings, the others in English. Knows no
text.
"""

NEWEST = frozenset(
    "newest latest recent neueste neuester neuestes neuesten dernier dernière récent récente "
    "último última reciente 最新".split()
)
OLDEST = frozenset(
    "oldest earliest first älteste ältester ältestes ältesten premier première primero primera "
    "最早".split()
)
MOST = frozenset("most highest largest greatest biggest maximum max".split())
LEAST = frozenset("least fewest lowest smallest minimum min".split())
# Of adjectives: whether the most is meant, and what a column with the figures may be called.
MEASURES = {
    "deepest": (True, "depth deep draught"),
    "shallowest": (False, "depth deep draught"),
    "longest": (True, "length long duration"),
    "shortest": (False, "length long duration"),
    "tallest": (True, "height tall"),
    "widest": (True, "width wide breadth"),
    "narrowest": (False, "width wide breadth"),
    "heaviest": (True, "weight mass"),
    "lightest": (False, "weight mass"),
    "fastest": (True, "speed"),
    "slowest": (False, "speed"),
    "dearest": (True, "price cost fee"),
    "cheapest": (False, "price cost fee"),
    "expensive": (True, "price cost fee"),  # behind "most" or "least"
}
