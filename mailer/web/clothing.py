"""What pages wear: the theme of `mailer.toml` as CSS, and the policy that permits this style sheet and no other."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from markupsafe import Markup

from mailer.config.theme import Theme

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
OURS = Path(__file__).parent / "templates" / "style.css"


class Clothing:
    """The style sheet, which stands in every page: no second request, and the policy names it by its hash."""

    def __init__(self, theme: Theme, folder: Path) -> None:
        own, more = (_text(folder / name, folder) for name in ("style.css", "more.css"))
        sheets = [variables(theme), own or _text(OURS, OURS.parent), more]
        # Nothing in a style sheet ends the element that it stands in.
        text = squeezed("\n".join(filter(None, sheets))).replace("</", "<\\/")
        self.style = Markup(text)  # noqa: S704 - our own file, checked settings, and files of the workspace
        self._rules = {
            "default-src": "'none'",
            "style-src": f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'",
            "img-src": pictures(theme),
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }

    def policy(self, more: Mapping[str, str]) -> str:
        """The rules with these in addition, or instead of those of the same name."""
        return "; ".join(f"{name} {value}" for name, value in {**self._rules, **more}.items())


def pictures(theme: Theme) -> str:
    """Ours, and where the logo is."""
    if not theme.logo_url:
        return "'self'"
    parts = urlsplit(theme.logo_url)
    # An address that would end the rule permits nothing.
    host = parts.netloc if not set(parts.netloc) & set(";,'\" ") else ""
    return f"'self' {parts.scheme}://{host}" if host else "'self'"


def variables(theme: Theme) -> str:
    """The colours and fonts as CSS variables; settings allow nothing in them that would end a rule."""
    colours = theme.colours.model_dump()
    light = {name: value for name, value in colours.items() if not name.startswith("dark_")}
    dark = {name: colours[f"dark_{name}"] for name in light}
    fonts = {"font-body": theme.fonts.body, "font-heading": theme.fonts.heading, "logo-width": f"{theme.logo_width}px"}
    return (
        f":root {{ {_declared({**light, **fonts})} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_declared(dark)} }} }}"
    )


def squeezed(sheet: str) -> str:
    """Without comments and indents: it is sent with every page."""
    return "\n".join(filter(None, (line.strip() for line in _COMMENT.sub("", sheet).splitlines())))


def _declared(values: Mapping[str, str]) -> str:
    return " ".join(f"--{name.replace('_', '-')}: {value};" for name, value in values.items())


def _text(path: Path, folder: Path) -> str:
    """Nothing for what is not there, nor for a link that leads out of its folder."""
    inside = path.resolve().is_relative_to(folder.resolve())
    return path.read_text(encoding="utf-8-sig") if inside and path.is_file() else ""
