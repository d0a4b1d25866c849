"""Fixtures of the tests of this folder."""

from __future__ import annotations

import pytest

from napari_nx46.files.stores.access import Access, CacheLimits, Retries
from napari_nx46.files.volumes.opening import open_volume
from tests.files.stores.server import BUCKET, served

QUICK = Retries(tries=3, first_wait=0.001, longest_wait=0.002, timeout=0.2)


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    with served(folder) as running:
        yield running


@pytest.fixture
def opened(server, tmp_path):
    """Return a function that opens a store of the server, by ``http`` or ``s3``."""

    def opened(name, way="http", *, disk=2**20, fresh=3600.0, absent_on_403=False, **options):
        limits = CacheLimits(2**20, disk, tmp_path / "cache", fresh)
        access = Access(server.url, False, absent_on_403, QUICK, limits)
        base = f"s3://{BUCKET}" if way == "s3" else server.url
        return open_volume(f"{base}/{name}", access=access, **options)

    return opened
