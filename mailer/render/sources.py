"""Template sources as the caller gives them, and what goes wrong in them as errors with file and line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jinja2.exceptions import TemplateNotFound, TemplateSyntaxError

from mailer.errors import MailerError, TemplateError


@dataclass(frozen=True, slots=True)
class TemplateText:
    """The source of a template. `label` is the file an error names; `lines[n]` is the line of it that line n+1 is."""

    text: str
    label: str
    lines: Sequence[int] = ()

    def line(self, number: int | None) -> int:
        if not self.lines or not number:
            return number or 1
        return self.lines[min(number, len(self.lines)) - 1]


Templates = Mapping[str, TemplateText]


@contextmanager
def template_errors(templates: Templates, name: str) -> Iterator[None]:
    """Whatever template code raises becomes a TemplateError with its file and line."""
    try:
        yield
    except MailerError:
        raise
    except TemplateNotFound as error:
        known = [each for each in templates if not each.startswith("@")]
        near = difflib.get_close_matches(str(error.name), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(known))}"
        where, line = place_of(error, templates) or (name, None)
        raise TemplateError(f"there is no template {error.name!r}", name=where, line=line, hint=hint) from error
    except TemplateSyntaxError as error:
        template = templates.get(error.name or name)
        label = template.label if template else name
        raise TemplateError(str(error.message), name=label, line=error.lineno) from error
    except RecursionError as error:
        where, line = place_of(error, templates) or (name, None)
        raise TemplateError("templates or expressions are nested without end", name=where, line=line) from error
    except Exception as error:  # templates are a language: any of its errors may come
        where, line = place_of(error, templates) or (name, None)
        raise TemplateError(str(error) or type(error).__name__, name=where, line=line) from error


def place_of(error: BaseException, templates: Templates) -> tuple[str, int] | None:
    """The innermost template line in a traceback, which Jinja2 has rewritten to template names and lines."""
    place = None
    step = error.__traceback__
    while step is not None:
        template = templates.get(step.tb_frame.f_code.co_filename)
        if template is not None:
            place = (template.label, step.tb_lineno)
        step = step.tb_next
    return place


def place_of_tag(templates: Templates, tag: str) -> dict[str, Any]:
    """The file and line in which a tag stands: the engine knows neither."""
    start = re.compile(rf"<{re.escape(tag)}\b")
    for template in templates.values():
        if found := start.search(template.text):
            return {"name": template.label, "line": template.line(template.text.count("\n", 0, found.start()) + 1)}
    return {}
