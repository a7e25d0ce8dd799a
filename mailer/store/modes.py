"""What a transaction is for, and how JSON is written: the same for every kind of database."""

from __future__ import annotations

import json
from typing import Any

# The execution option that tells the kind of transaction to the listener that begins it.
MODE = "mailer_mode"
READ, WRITE, DERIVE, SCHEMA = "read", "write", "derive", "schema"
# The execution option that holds what recognises forgotten addresses.
HASHER = "mailer_hasher"


def compact_json(value: Any) -> str:
    """JSON as it is stored: no blanks, letters as they are, nothing that is not JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
