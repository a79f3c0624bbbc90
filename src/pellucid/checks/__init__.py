"""Pellucid: checks."""
