"""What page *Threshold* alone needs."""
