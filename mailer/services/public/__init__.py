"""What the public side does for who is not of the organisation."""
