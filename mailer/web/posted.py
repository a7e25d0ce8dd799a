"""What a form says, as it was posted: urlencoded or multipart, texts only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_FIELDS: Final = 40
LONGEST_FIELD: Final = 16 << 10


async def posted(request: Request) -> Mapping[str, str]:
    """The fields, of several with one name the first. 400 for what is no form or has no end; files are none."""
    try:
        form = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD)
    except (KeyError, ValueError, UnicodeError) as error:
        raise HTTPException(400) from error
    return {name: value for name, value in reversed(form.multi_items()) if isinstance(value, str)}
