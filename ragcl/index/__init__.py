"""The vector index: exact or in lists, its file, and how it follows the catalog."""
