"""Make the sample fragments that lie beside this script.

Run it from anywhere: ``python sample_data/make_sample_data.py [FOLDER]``; without a folder it
writes beside itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

from napari_nx46.data.sample import write_sample


def main(arguments: list[str]) -> None:
    """Write the sample fragments and say how large they are."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    image_ids = write_sample(root)
    files = [path for image_id in image_ids for path in root.glob(f"*/{image_id}.tif")]
    size = sum(path.stat().st_size for path in files)
    print(f"{root}: {', '.join(image_ids)}; {len(files)} files, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
