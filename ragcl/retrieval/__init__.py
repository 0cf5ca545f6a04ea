"""Questions to hits: embedder, vector index and retriever."""
