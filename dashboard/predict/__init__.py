"""What page *Predict* alone needs."""
