"""What page *Train* alone needs."""
