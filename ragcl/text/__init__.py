"""Rules on text: equal answers, sentences, words, table rows. Knows no model and no storage."""
