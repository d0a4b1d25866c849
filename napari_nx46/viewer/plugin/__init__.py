"""What napari.yaml names: readers, writers, sample data and commands."""
