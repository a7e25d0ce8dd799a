"""The database: tables, migrations, and functions over a connection, one module for each aggregate."""
