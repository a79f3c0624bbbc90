"""Evaluations below the plain cost of a forward pass."""
