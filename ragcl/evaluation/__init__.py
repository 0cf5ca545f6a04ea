"""How good the answers are: the metrics, and what is built on them."""
