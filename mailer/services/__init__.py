"""The verbs: each reads and writes at the edges and leaves the decisions to the pure packages."""
