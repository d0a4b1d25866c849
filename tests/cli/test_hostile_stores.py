"""Stores that are made to mislead: every command on masks refuses them in words."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from tests.command import nx46_here
from tests.scale.execute.stores import write_store

SHAPE = (20, 24, 16)


def chunk_of(store):
    return store / "0/1/1/1"


def cut_off(store):
    chunk_of(store).write_bytes(chunk_of(store).read_bytes()[:20])


def bomb(store):
    content = bytearray(chunk_of(store).read_bytes())
    content[4:8] = struct.pack("<I", 2**31 - 1)
    chunk_of(store).write_bytes(bytes(content))


def link(store):
    chunk_of(store).unlink()
    chunk_of(store).symlink_to("/dev/zero")


def described(**changes):
    def change(store):
        path = store / "0/.zarray"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


DAMAGES = {
    "cut": cut_off,
    "bomb": bomb,
    "link": link,
    "type": described(dtype="|O"),
    "codec": described(compressor={"id": "pickle"}),
    "vast": described(shape=[2**15] * 3, chunks=[64, 64, 64]),
    "chunks": described(shape=[2**14] * 3, chunks=[2**12] * 3),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_commands_on_masks_refuse_what_is_damaged_or_vast(tmp_path, kind):
    voxels = (np.random.default_rng(1).random(SHAPE) < 0.3).astype(np.uint8)
    store = write_store(tmp_path / "mask.zarr", voxels)
    good = write_store(tmp_path / "good.zarr", voxels)
    DAMAGES[kind](store)
    out = ("--out", tmp_path / "out", "--format", "ome-zarr", "--quantile", 0.9)
    for command in (
        ("measure", store),
        ("measure", good, "--label", store),
        ("seams", store, "--chunk", 64 if kind == "vast" else 8),
        ("seams", good, "--exact", store, "--chunk", 8),
        ("run", store, *out),
    ):
        result = nx46_here(*command)
        assert result.exit_code in {1, 2}, (command, result.output)
        assert "mask.zarr" in result.output
        assert not list(tmp_path.glob("out/*.zarr"))
