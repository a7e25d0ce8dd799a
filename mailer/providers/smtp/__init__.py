"""Mails over SMTP. `provider` is the way in; `replies`, `commands`, `verdicts`, `pauses` and `dkim` touch no socket."""
