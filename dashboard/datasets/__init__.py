"""What page *Datasets* alone needs."""
