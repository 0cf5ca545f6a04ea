"""What a text says: which answers are the same. Knows no model and no storage."""
