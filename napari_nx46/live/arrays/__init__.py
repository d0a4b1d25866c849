"""Array-likes that napari's layers read slice by slice."""
