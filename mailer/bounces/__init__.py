"""What a mail says that came back: bytes to facts. Pure; what follows from them is decided elsewhere."""
