"""Embeddings, the search index, and how good it is."""
