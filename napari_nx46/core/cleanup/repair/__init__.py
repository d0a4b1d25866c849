"""Repair of sheets that are torn by a few voxels: gaps, diagonals, and slices of uneven width."""
