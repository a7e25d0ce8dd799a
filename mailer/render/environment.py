"""The Jinja2 environments of both stages: sandboxed, strict about names, bounded in output.

A template reaches plain data and nothing else: `ImmutableSandboxedEnvironment`, contexts of dictionaries, strings,
numbers and times, no attribute that starts with an underscore. Names that are not there are errors, so that a
typing error never becomes a hole in a mail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from types import CodeType
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, Undefined
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context
from markupsafe import Markup

MAX_REPEAT = 100_000
"""The longest string or list that `*` may build: `'a' * 10**9` would take a gigabyte."""

MAX_POWER = 10_000
"""The largest exponent and base of `**`: `9**9**9` would take for ever."""


MAX_WIDTH = 9_999
PADDING = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs", "format_map"})
"""Methods of text that build any number of blanks."""
WIDE_PERCENT = re.compile(r"%[^a-zA-Z%]*(?:\*|[0-9]{5})")
WIDE_FORMAT = re.compile(r"\{[^{}]*(?:\{|:[^{}]*[0-9]{5})")


class MissingField(Undefined):
    """A recipient field without a value: false, empty and equal to no value, but never printable.

    `{% if subscriber.city == "Oslo" %}` is simply false for somebody without a city, and `| default("friend")`
    works, while `{{ subscriber.city }}` alone is an error: it would leave a hole in that person's mail.
    """

    __slots__ = ()

    def __str__(self) -> str:
        self._fail_with_undefined_error()


class Fields:
    """The values of one recipient as templates see them: items only, no methods, missing ones are MissingField.

    Not a dictionary, because `subscriber.items` must be the field of that name and nothing else. `values` holds
    only fields that have a value (personal.clean_fields).
    """

    __slots__ = ("_name", "_values")

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self._name = name
        self._values = values

    def __getitem__(self, key: object) -> Any:
        try:
            return self._values[key]  # type: ignore[index]
        except (KeyError, TypeError):
            name = f"{self._name}.{key}"
            return MissingField(hint=f"{name!r} has no value for this recipient", name=name)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """The environment both stages share. `language` is what dates are written in."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(
        self,
        load: Callable[[str], tuple[str, str, Callable[[], bool]] | None] | None = None,
        *,
        autoescape: bool,
        language: str = "en",
    ) -> None:
        super().__init__(
            loader=FunctionLoader(load) if load else None,
            autoescape=autoescape,
            undefined=StrictUndefined,
            finalize=printable,
            keep_trailing_newline=True,
            trim_blocks=False,
            lstrip_blocks=False,
        )
        self.language = language
        # They count how often they were asked, and what stands in a condition over recipient data is asked once for
        # everybody: with them the mails would be wrong. `loop` counts for each recipient.
        for name in ("lipsum", "joiner", "cycler"):
            self.globals.pop(name, None)
        self.filters["day"] = day

    def _compile(self, source: str, filename: str) -> CodeType:
        return code(source, filename)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        REFUSALS[operator](left, right)
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return attr not in PADDING and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapper = super().wrap_str_format(value)
        if wrapper is not None and WIDE_FORMAT.search(str(value.__self__)):
            raise SecurityError(f"a width above {MAX_WIDTH:,} is not filled with blanks")
        return wrapper


@lru_cache(512)
def code(source: str, filename: str) -> CodeType:
    """What Python makes of what Jinja2 wrote; nothing else goes into it."""
    return compile(source, filename, "exec")


def printable(value: Any) -> Any:
    """What `{{ }}` prints. A function or a whole record would print its place in memory into somebody's mail."""
    if type(value) in PRINTED_AS_THEY_ARE:
        return value
    if isinstance(value, Fields) or (callable(value) and not isinstance(value, Undefined)):
        raise TypeError(f"a {type(value).__name__} cannot be printed; which field or what result of it is meant?")
    return value


PRINTED_AS_THEY_ARE = frozenset({str, Markup, int, float, bool, type(None)})
"""Nearly all values there are, so that asking costs nothing."""


def refuse_wide_format(left: Any, right: Any) -> None:
    if isinstance(left, str) and WIDE_PERCENT.search(left):
        raise SecurityError(f"a width above {MAX_WIDTH:,} is not filled with blanks")


def refuse_large_repeat(left: Any, right: Any) -> None:
    for sequence, count in ((left, right), (right, left)):
        countable = isinstance(sequence, str | list | tuple) and isinstance(count, int)
        if countable and len(sequence) * count > MAX_REPEAT:
            raise SecurityError(f"more than {MAX_REPEAT} characters or items from one '*' are not built")


def refuse_large_power(left: Any, right: Any) -> None:
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if numbers and max(abs(left), abs(right)) > MAX_POWER:
        raise SecurityError(f"a power with numbers above {MAX_POWER} is not calculated")


REFUSALS = {"*": refuse_large_repeat, "**": refuse_large_power, "%": refuse_wide_format}


@pass_context
def day(context: Context, value: date | datetime) -> str:
    """A date written out in the language of the issue: 22 November 2026, 22. November 2026, ٢٢ نوفمبر ٢٠٢٦."""
    from babel import Locale, UnknownLocaleError
    from babel.dates import format_date

    language: str = getattr(context.environment, "language", "en")
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        locale = Locale("en")
    return format_date(value, format="long", locale=locale)
