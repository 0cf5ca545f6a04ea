"""Places on this machine: one spelling for each, and packages beside ragcl."""
