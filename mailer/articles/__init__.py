"""From the bytes of a source to articles, and from articles to a selection. Pure: no network, files or clock."""
