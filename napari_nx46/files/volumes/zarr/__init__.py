"""Zarr arrays and OME-Zarr images as volumes."""
