"""Files of a header and plain, or compressed, numbers: NIfTI, MetaImage and NRRD."""
