"""`[texts.LANG]`: the organisation's own words for what the pages say."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from mailer.config.values import Language
from mailer.languages.own import Texts as OwnTexts
from mailer.languages.own import fault


def _fitting(texts: OwnTexts) -> OwnTexts:
    """Each phrase is one of ours, and has the same places for values."""
    for language, words in texts.items():
        for phrase, own in words.items():
            if told := fault(language, phrase, own):
                raise ValueError(f"[{language}]: {phrase!r} {told}")
    return texts


Texts = Annotated[dict[Language, dict[str, str | tuple[str, ...]]], AfterValidator(_fitting)]
