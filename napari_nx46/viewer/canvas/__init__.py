"""Layers and the canvas; all use of napari's private API is in `access`."""
