"""Look inside a Keras network: where it looks, what it answers to, and whether to trust that."""
