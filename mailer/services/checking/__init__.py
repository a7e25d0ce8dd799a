"""Checking: what the rules look at is gathered here, from the files, the database and the network."""
