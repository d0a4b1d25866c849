"""The command ``nx46``: it parses and prints; the rooms below it compute, read and write.

Heavy libraries are imported inside the commands, so that ``nx46 --help`` is quick.
"""

from napari_nx46.cli.app import main

__all__ = ["main"]
