"""Hits to answers: language model, prompts, reading, routing and answering."""
