"""How the voxels of a store lie in chunks, and what is known of it without reading any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from napari_nx46.files.volumes.indexing import Box, Shape3D


@dataclass(frozen=True)
class Layout:
    """The chunks of a volume.

    Attributes
    ----------
    chunks : tuple of int
        Shape of what is decoded in one piece, along (Z, Y, X).
    existing : callable
        Yields the boxes of the chunks (of shards, the shards) that exist, each once, by listing
        the store; returns None where that is not possible.
    fill : numpy.ndarray
        What stands where there is no chunk, without axes.
    metadata_sha256 : str
        SHA-256 of the metadata.
    is_far : bool
        Whether the chunks are on a server.
    levels : tuple of str
        Paths of the levels of the image that are there, the finest first; empty where the array
        is none of an image.
    """

    chunks: Shape3D
    existing: Callable[[], Iterator[Box] | None]
    fill: np.ndarray
    metadata_sha256: str
    is_far: bool
    levels: tuple[str, ...] = ()
