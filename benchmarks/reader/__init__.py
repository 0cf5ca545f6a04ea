"""The reader that ragcl ships: what it is trained on, its training, and what it measures."""
