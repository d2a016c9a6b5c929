"""DICOM: headers, pixels and the order of the slices of a series."""
