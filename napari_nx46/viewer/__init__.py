"""napari and Qt: readers, sample data, layers and docks, all thin over a `live.Session`."""

from napari_nx46.viewer.qt.constants import add_references, may_lose_references

if may_lose_references():
    add_references()
