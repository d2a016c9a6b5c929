"""One module per claim; each prints one JSON document with ``--json``."""
