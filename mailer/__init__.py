"""Campaign newsletters from tag to inbox: every subscriber once, with proof."""

__version__ = "0.1.0"
