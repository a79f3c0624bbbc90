"""What an inspection found, one frozen class for each thing that can be looked at; a result holds it as its ``content``."""

from pellucid.explanation.contents.source import Source
from pellucid.explanation.contents.structure import Structure

Content = Source | Structure  # told apart by ``what``

__all__ = ["Content", "Source", "Structure"]
