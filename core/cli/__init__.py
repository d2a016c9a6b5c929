"""Groups of commands of ``python -m core``."""
