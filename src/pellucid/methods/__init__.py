"""Pellucid: methods."""
