"""One module per data set, each reading its published layout in place."""
