"""What page *Compare* alone needs."""
