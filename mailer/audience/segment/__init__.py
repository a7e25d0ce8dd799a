"""Segments: which people of a list, said as a comparison such as `city == "Oslo" and "volunteer" in tags`."""
