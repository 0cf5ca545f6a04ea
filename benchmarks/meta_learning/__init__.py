"""An experiment: an adapter to begin with, which has practised to learn, and what it is worth."""
