"""Masks as OME-Zarr images with a pyramid: how they are laid out, written and read back."""
