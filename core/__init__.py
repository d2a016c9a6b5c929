"""Isoline's engine: data, models, training, prediction and numbers; it knows nothing of the web."""

__version__ = "0.1.0"
