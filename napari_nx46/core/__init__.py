"""Numbers in, numbers out: the computation behind a mask, without files, Qt or napari."""
