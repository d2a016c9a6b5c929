"""One module per file format, each a reader from bytes to pixels or voxels."""
