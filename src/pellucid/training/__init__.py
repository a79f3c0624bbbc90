"""Training and evaluation of small networks, for demos and tests."""
