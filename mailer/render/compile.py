"""A template and an issue's data -> `Flat`: everything that is the same for all recipients is done here, once.

The loader's templates are given as a mapping, so this layer opens no file; `salt` is random text from the caller, so
it throws no dice either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from types import CodeType
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.runtime import Macro, StrictUndefined
from jinja2.utils import Namespace
from markupsafe import Markup, escape

from mailer.errors import TemplateError
from mailer.render.defer import Site, SiteBook, defer
from mailer.render.environment import TemplateEnvironment
from mailer.render.fields import CONTROL
from mailer.render.flat import Flat
from mailer.render.inspect import holds_mark
from mailer.render.mjml import UnknownTagError, compile_mjml, without_engine_fonts
from mailer.render.personal import PersonalPart
from mailer.render.placing import unwrap, wrap
from mailer.render.sources import Templates, TemplateText, place_of_tag, template_errors
from mailer.render.squeeze import squeeze
from mailer.render.tokens import FlatBuilder, TokenBook
from mailer.render.values import encode

MAX_OUTPUT = 5_000_000
"""Characters one part may have. A bulletin has 50,000; what is longer is a loop that went wrong."""

PASSES_TEXT_ON = frozenset({"safe", "string", "join"})
"""Filters that leave every token in a text as it is."""

MJ_INCLUDE = re.compile(
    r"<!--(?:(?!-->).)*?<mj-include\b.*?-->"
    r"|<mj-include\b[^>]*?\bpath\s*=\s*[\"']([^\"']*)[\"'][^>]*?(?:/>|>\s*</mj-include\s*>)",
    re.IGNORECASE | re.DOTALL,
)


WRITTEN = 256
"""So many templates are kept by a process as they were compiled: an issue has twenty, and is compiled many times."""


@dataclass(frozen=True, slots=True)
class Written:
    """A template as it was compiled, and what the book of sites had more after that."""

    code: CodeType
    sites: tuple[Site, ...]
    aliases: int


_written: dict[tuple[Any, ...], Written] = {}


@dataclass(frozen=True, slots=True)
class PartInput:
    """What a part is compiled from. `strings` are small templates whose text becomes part of the context's `issue`."""

    templates: Templates
    name: str
    context: Mapping[str, Any]
    language: str
    salt: str
    strings: Mapping[str, str]


class IssueEnvironment(TemplateEnvironment):
    """Jinja2 for the first moment. It belongs to one part of one issue: its token book fills while it renders.

    `beside` is another environment of the same part, which escapes differently and shares its tokens.
    """

    def __init__(self, part: PartInput, *, autoescape: bool, beside: IssueEnvironment | None = None) -> None:
        super().__init__(self.find, autoescape=autoescape, language=part.language)
        self.optimized = False  # what is rendered once is not worth looking through for constants
        self.templates = part.templates
        self.book: TokenBook = beside.book if beside else TokenBook(part.salt)
        self.sites: SiteBook = beside.sites if beside else SiteBook()
        self.globals["namespace"] = namespace_of(self.book)
        for name, function in list(self.filters.items()):
            if name not in PASSES_TEXT_ON:
                self.filters[name] = refusing_tokens(function, name, self.book.mark)

    def find(self, name: str) -> tuple[str, str, Callable[[], bool]] | None:
        template = self.templates.get(name)
        return (template.text, name, lambda: True) if template else None

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = self.templates.get(name or "", TemplateText(source, name or "template"))
        source = MJ_INCLUDE.sub(as_include, source)
        try:
            tree = super()._parse(source, name, filename)
        except TemplateSyntaxError as error:
            hint = None if template.label.startswith("@") else "see templates/README.md for what a template may use"
            raise TemplateError(
                str(error.message), name=template.label, line=template.line(error.lineno), hint=hint
            ) from error
        for node in tree.find_all(nodes.Node):
            node.lineno = template.line(node.lineno)
        return defer(tree, self.sites, template.label, self)

    def compile(
        self,
        source: Any,
        name: str | None = None,
        filename: str | None = None,
        raw: bool = False,
        defer_init: bool = False,
    ) -> Any:
        """Jinja2's own, which takes longer than everything else here, once for the same text at the same place."""
        if raw:
            return super().compile(source, name, filename, raw=True, defer_init=defer_init)
        if not isinstance(source, str):
            return super().compile(source, name, filename, defer_init=defer_init)
        template = self.templates.get(name or "", TemplateText(source, name or "template"))
        # Everything that it follows from: where its sites and kept values are counted from is part of it.
        at = (len(self.sites), self.sites.aliases)
        follows = (source, name, filename, defer_init, template.label, tuple(template.lines))
        key = (*follows, *at, self.autoescape, self.language)
        found = _written.get(key)
        if found is None:
            code = super().compile(source, name, filename, defer_init=defer_init)
            found = Written(code, self.sites.without_environment(at[0]), self.sites.aliases)
            keep(key, found)
        else:
            self.sites.extend(found.sites)
            self.sites.aliases = found.aliases
        return found.code

    def emit(self, number: int, values: tuple[Any, ...]) -> Markup:
        """Called by changed templates in the place of a recipient expression."""
        site = self.sites[number]
        for value in values:
            if isinstance(value, Macro):
                raise TemplateError(
                    f"the macro {value.name!r} cannot be called with recipient data: macros run once for everybody",
                    name=site.template, line=site.line, hint="use the recipient's field directly in the text",
                )  # fmt: skip
        try:
            encoded = tuple(encode(value) for value in values)
        except TypeError as error:
            raise TemplateError(str(error), name=site.template, line=site.line) from error
        return Markup(self.book.token(site, encoded))  # noqa: S704 (letters and digits only)

    def known(self, value: Any, template: str, line: int, deep: bool) -> Any:
        """Called by changed templates around what they inspect: it must be the same for everybody."""
        if (deep or isinstance(value, str)) and holds_mark(value, self.book.mark):
            raise TemplateError(
                "text with recipient data in it is inspected here, and nobody's data is known yet",
                name=template, line=line, hint="ask the recipient's field itself: {% if subscriber.city %}",
            )  # fmt: skip
        return value

    def held(self, name: str) -> StrictUndefined:
        """What a name stands for in other templates, once recipient data was set to it."""
        return StrictUndefined(f"{name!r} stands for recipient data and is known in its own template only", name=name)

    def render_text(self, name: str, context: Mapping[str, Any]) -> str:
        """The template with tokens where recipient data will be. Raises TemplateError."""
        pieces: list[str] = []
        size = 0
        with template_errors(self.templates, name):
            for piece in self.get_template(name).generate(context):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_OUTPUT:
                    raise TemplateError(f"more than {MAX_OUTPUT} characters of output", name=name)
        return "".join(pieces)


def keep(key: tuple[Any, ...], written: Written) -> None:
    """For the next time; the oldest makes room."""
    _written[key] = written
    if len(_written) > WRITTEN:
        with suppress(KeyError, RuntimeError, StopIteration):  # another thread was faster
            del _written[next(iter(_written))]


def namespace_of(book: TokenBook) -> type[Namespace]:
    """`namespace` whose values cannot be changed inside a condition over recipient data, by whatever way it is met."""

    class IssueNamespace(Namespace):
        def __setitem__(self, name: str, value: Any) -> None:
            if book.depth:
                raise TypeError(
                    f"'set' of {name!r} inside an 'if' or 'for' over recipient data would hold for everybody"
                )
            super().__setitem__(name, value)

    return IssueNamespace


def as_include(found: re.Match[str]) -> str:
    """`<mj-include path="x" />` as Jinja2's own include; a commented one as nothing. Lines are kept."""
    include = f'{{% include "{found[1]}" %}}' if found[1] else ""
    return include + "\n" * found[0].count("\n")


def refusing_tokens(function: Callable[..., Any], name: str, mark: str) -> Callable[..., Any]:
    """A filter that will not count, cut or change text which holds a token: the result would be about the token."""
    passes = {"escape": is_markup, "e": is_markup, "default": no_flag, "d": no_flag}.get(name)

    @wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        if holds_mark((args, kwargs), mark) and not (passes and passes(args, kwargs)):
            raise TypeError(f"the filter {name!r} cannot be used on text that contains recipient data")
        return function(*args, **kwargs)

    return filtered


def is_markup(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Escaping what is escaped already changes nothing."""
    return isinstance(args[0], Markup)


def no_flag(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """`default(x)` asks only whether there is a value, `default(x, true)` whether it is empty."""
    return len(args) <= 2 and not kwargs.get("boolean")


def compile_plain(part: PartInput) -> Flat:
    """A part without markup: the text part, or a subject."""
    environment, text = rendered(part, autoescape=False)
    text = re.sub(r"\n{3,}", "\n\n", text)
    environment.book.refuse_unwritten(text, "it was changed or left out before it could be filled in")
    return flattened(part, environment.book, text, autoescape=False)


def compile_html(part: PartInput) -> Flat:
    """An MJML part: rendered, protected, compiled by MJML, squeezed and taken apart."""
    environment, text = rendered(part, autoescape=True)
    book = environment.book
    book.refuse_unwritten(text, "it was changed or left out before it could be filled in")
    try:
        compiled = compile_mjml(wrap(text, book))
    except UnknownTagError as error:
        raise UnknownTagError(error.tag, **place_of_tag(part.templates, error.tag)) from error
    html = unwrap(without_engine_fonts(text, compiled), book)
    book.refuse_lost(text, html, "recipient data cannot stand here, MJML drops it (is it in a width or a height?)")
    return flattened(part, book, squeeze(html), autoescape=True)


def rendered(part: PartInput, *, autoescape: bool) -> tuple[IssueEnvironment, str]:
    environment = IssueEnvironment(part, autoescape=autoescape)
    # A subject is text: its own words need escaping as much as the values in it, so it is rendered without.
    plain = IssueEnvironment(part, autoescape=False, beside=environment)
    issue = dict(part.context.get("issue", {}))
    for field, name in part.strings.items():
        text = plain.render_text(name, part.context)
        issue[field] = escape(text) if autoescape else text
    environment.book.optional = len(environment.book.instances)
    text = environment.render_text(part.name, {**part.context, "issue": issue})
    return environment, CONTROL.sub("", text)


def flattened(part: PartInput, book: TokenBook, text: str, *, autoescape: bool) -> Flat:
    """The text taken apart at its tokens, once its recipient expressions are known to compile."""
    with template_errors(part.templates, part.name):
        flat = FlatBuilder(book).build(text, autoescape=autoescape)
        PersonalPart(flat, language=part.language)
    return flat
