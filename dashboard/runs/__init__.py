"""What page *Runs* needs, and what others show of a run."""
