"""Pellucid: methods/attribution."""
