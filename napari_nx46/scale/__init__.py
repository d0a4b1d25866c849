"""Masks of volumes larger than memory, tile by tile, equal to those in memory bit for bit."""
