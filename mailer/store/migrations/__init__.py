"""Alembic's folder: env.py is how it is entered, versions/ holds the scripts."""
