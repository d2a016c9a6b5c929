"""What page *Papers* alone needs."""
