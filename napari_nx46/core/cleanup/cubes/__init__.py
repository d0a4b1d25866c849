"""Plugging by cubes of 2 x 2 x 2 voxels."""
