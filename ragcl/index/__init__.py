"""The vector index: exact or in inverted lists, its file, and its building from the catalog."""
