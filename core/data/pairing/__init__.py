"""Which mask belongs to which image, by the names that people give files."""
