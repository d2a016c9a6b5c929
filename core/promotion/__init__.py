"""From a finished run to a shipped model with its card."""
