"""Checks: what must be right, or at least be known, before an issue goes out."""
