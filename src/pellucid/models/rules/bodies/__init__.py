"""Composite operations written out in simpler ones."""
