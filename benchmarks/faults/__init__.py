"""Faults on purpose: kills, a full disk, a damaged index, a catalog copied while it is written."""
