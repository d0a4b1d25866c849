"""TIFF files as volumes."""
