"""The migration scripts, one a revision. A released script is never changed."""
