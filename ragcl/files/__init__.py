"""Paths, digests, and imports of packages beside ragcl."""
