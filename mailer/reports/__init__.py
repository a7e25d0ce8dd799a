"""Counts become figures, figures become series, series become charts: in a terminal and on a page."""
