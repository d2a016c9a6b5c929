"""Isoline's engine: data, models, training, prediction and numbers; it knows nothing of the web."""

import os

# Torch reads it at its first allocation: without huge pages, a sixth of a prediction on the
# processor goes into page faults.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__version__ = "0.1.0"
