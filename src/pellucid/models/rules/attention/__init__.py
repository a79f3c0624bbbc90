"""Attention, found in the running forward pass however it is written."""
