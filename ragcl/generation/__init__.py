"""From hits to answers: language model, prompts, reading, routing and answering."""
