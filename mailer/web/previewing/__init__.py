"""The page of `mailer preview --serve`: for one person at this machine, behind a token, never for the public."""
