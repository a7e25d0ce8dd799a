"""`python -m mailer`, for when the `mailer` command is not on the path."""

from mailer.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
