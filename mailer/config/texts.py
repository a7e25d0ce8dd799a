"""`[texts.LANG]`: the organisation's own words for what the pages say."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from mailer.config.values import Language
from mailer.languages.own import Texts as OwnTexts
from mailer.languages.own import fault, fault_of_phrase


def _fitting(texts: OwnTexts) -> OwnTexts:
    """Each is said with the places for values that the phrase has."""
    for language, words in texts.items():
        for phrase, own in words.items():
            if told := fault(language, phrase, own):
                raise ValueError(f"[{language}]: {phrase!r} {told}")
    return texts


def _known(phrase: str) -> str:
    """Told by itself, as a mistake of a key has the key's own line."""
    if told := fault_of_phrase(phrase):
        raise ValueError(told)
    return phrase


def _worded(words: Any) -> Any:
    """One mistake, not one for each kind of value that it might have been."""
    if isinstance(words, str) or (isinstance(words, list | tuple) and all(isinstance(form, str) for form in words)):
        return words
    raise ValueError("must be text between quotation marks, or a list of texts for what counts something")


Phrase = Annotated[str, AfterValidator(_known)]
Said = Annotated[str | tuple[str, ...], BeforeValidator(_worded)]
Texts = Annotated[dict[Language, dict[Phrase, Said]], AfterValidator(_fitting)]
