"""Issue and recipients -> mail: templates in two stages, MJML once, MIME from pre-encoded parts."""
