"""The command line: ``pellucid demo | explain | compare | report | methods | doctor``."""

from pellucid.cli.main import main

__all__ = ["main"]
