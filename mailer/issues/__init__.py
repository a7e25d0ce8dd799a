"""Issue files: reading, changing in place, and composing new ones. Pure: text in, text or records out."""
