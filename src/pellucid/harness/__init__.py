"""Pellucid: harness."""
