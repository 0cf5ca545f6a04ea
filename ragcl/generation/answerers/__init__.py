"""How an answer is made: from the weights, extracted from passages, or written from them."""
