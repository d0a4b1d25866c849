"""HDF5 files as voxels."""
