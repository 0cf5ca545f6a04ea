"""Training: rows to a candidate adapter."""
