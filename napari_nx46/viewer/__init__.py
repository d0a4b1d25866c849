"""napari and Qt: readers, sample data, layers and docks, all thin over a `live.Session`."""
