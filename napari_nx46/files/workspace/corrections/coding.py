"""The runs of one slice as the bytes of a row, and back."""

from __future__ import annotations

import zlib

import numpy as np

from napari_nx46.files.workspace.errors import RowError
from napari_nx46.voxels.corrections.runs import SliceRuns

__all__ = ["LARGEST_RUNS", "LARGEST_SLICE_BYTES", "parse_runs", "runs_bytes"]

LARGEST_SLICE_BYTES = 4_000_000
"""What a row of SQLite may take here, less what stands beside it."""

LARGEST_RUNS = 1 << 24
"""Runs of one slice; 300 MB in memory."""

_RUN_BYTES = 9


def runs_bytes(runs: SliceRuns) -> bytes:
    """Return the runs of a slice, packed.

    Gaps before runs and lengths of runs as little-endian uint32, then their values, by zlib.

    Raises
    ------
    ValueError
        If they are more than what is kept.
    """
    before = np.concatenate([[0], runs.stops[:-1]])
    columns = (runs.starts - before, runs.stops - runs.starts)
    plain = b"".join(column.astype("<u4").tobytes() for column in columns)
    packed = zlib.compress(plain + runs.values.tobytes())
    if len(runs) > LARGEST_RUNS or len(packed) > LARGEST_SLICE_BYTES:
        raise ValueError(
            f"found {len(runs)} runs of corrections in one slice, which is more than a workspace "
            "keeps; save them to a file"
        )
    return packed


def parse_runs(content: object, width: int) -> SliceRuns:
    """Return the runs that a row holds; whether they fit the fragment is not checked.

    Raises
    ------
    RowError
        If it is damaged or too large.
    """
    if not isinstance(content, bytes):
        raise RowError("found corrections that are no bytes")
    decompressor = zlib.decompressobj()
    try:
        plain = decompressor.decompress(content, LARGEST_RUNS * _RUN_BYTES)
    except zlib.error as error:
        raise RowError(f"found corrections that cannot be unpacked ({error})") from error
    count, rest = divmod(len(plain), _RUN_BYTES)
    if not decompressor.eof or decompressor.unused_data or rest or not count:
        raise RowError("found corrections that end too early or too late")
    gaps, lengths = np.frombuffer(plain, "<u4", 2 * count).reshape(2, count).astype(np.int64)
    stops = np.cumsum(gaps + lengths)
    values = np.frombuffer(plain, np.uint8, count, 2 * 4 * count)
    return SliceRuns(width, stops - lengths, stops, values)
