"""``python -m napari_nx46``: the same as the command ``nx46``."""

from napari_nx46.cli import main

if __name__ == "__main__":
    main()
