"""The command ``nx46``: it parses and prints; the rooms below it compute, read and write.

Heavy libraries are imported inside the commands, so that ``nx46 --help`` is quick.
"""

__all__ = ["main"]


def main() -> None:
    """Run ``nx46`` with the arguments of the process, and end the process with its exit code."""
    # Worker processes import what the console script does, and have no use for the commands.
    from napari_nx46.cli.app import main as run

    run()
