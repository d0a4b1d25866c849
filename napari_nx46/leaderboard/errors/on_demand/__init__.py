"""Voxels, boxes and joints of errors, computed when they are asked for."""
