"""Time reading boxes of Zarr stores, on the disk and over HTTP, against zarr-python.

    .venv/bin/python benchmarks/stores.py [--side 384]

Each ratio is the CPU time of a pass, box by box, through `open_volume` without its caches, over
that of zarr-python (over HTTP with its `ObjectStore` of obstore), both in this run. The server runs
on this machine, and its time is in both.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

import numpy as np
import zarr
from baseline import keep_ratio
from obstore.store import HTTPStore
from zarr.storage import ObjectStore

from napari_nx46.files.stores.access import Access, CacheLimits
from napari_nx46.files.volumes.opening import open_volume

CHUNK = 64
BOXES = (64, 128)
ROUNDS = 3


class Handler(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def write_store(path: Path, side: int) -> None:
    """Write a cube of waves and noise, which compresses as probabilities do."""
    rng = np.random.default_rng(1)
    array = zarr.create_array(
        path, shape=(side,) * 3, chunks=(CHUNK,) * 3, dtype="uint8", zarr_format=2
    )
    for z in range(0, side, CHUNK):
        noise = rng.normal(0, 6, (CHUNK, side, side))
        waves = 100 + 100 * np.sin(np.arange(side) / 9)
        array[z : z + CHUNK] = np.clip(waves + noise, 0, 255).astype(np.uint8)


def boxes(side: int, step: int) -> Iterator[tuple[slice, ...]]:
    """Yield the boxes of a cube, side by side."""
    for corner in product(range(0, side, step), repeat=3):
        yield tuple(slice(at, min(at + step, side)) for at in corner)


def cpu_time(read: Callable[[tuple[slice, ...]], np.ndarray], side: int, step: int) -> float:
    """Return the CPU seconds of reading all boxes, the least of some rounds."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for box in boxes(side, step):
            read(box)
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    """Time both, print and keep the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=384)
    side = parser.parse_args().side
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zarr"
        write_store(path, side)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/a.zarr"
        access = Access(cache=CacheLimits(memory=0, disk=0))
        store = ObjectStore(HTTPStore(url, client_options={"allow_http": True}), read_only=True)
        ways = {
            "on the disk": (open_volume(path), zarr.open_array(path, mode="r")),
            "over HTTP": (open_volume(url, access=access), zarr.open_array(store, mode="r")),
        }
        for (way, (volume, array)), step in product(ways.items(), BOXES):
            ours = cpu_time(lambda box, volume=volume: volume[box], side, step)
            theirs = cpu_time(lambda box, array=array: array[box], side, step)
            print(f"{way}, boxes of {step}: {ours:.2f} s, zarr-python {theirs:.2f} s")
            keep_ratio(f"boxes of {step} {way}, x zarr-python", ours / theirs)
        server.shutdown()


if __name__ == "__main__":
    main()
