"""Running passes over the tiles of a volume: planned, resumable, on a Dask cluster."""
