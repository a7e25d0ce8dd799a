"""`[theme]`: how bulletins and alerts look. The defaults are neutral and pass WCAG AA contrast (a test computes it)."""

from __future__ import annotations

from pydantic import Field

from mailer.config.values import Colour, Fonts, Line, OptionalUrl, Section, Url

# Every mail program has one of each; web fonts are blocked by most.
SANS = "'Helvetica Neue', Helvetica, Arial, sans-serif"


class Colours(Section):
    """Every colour as #rgb or #rrggbb; those beginning with `dark_` are for readers in dark mode."""

    primary: Colour = Field(default="#1d5c63", description="Buttons and the line at the top.")
    on_primary: Colour = Field(default="#ffffff", description="Text on the primary colour.")
    background: Colour = Field(default="#f2f4f3", description="Behind the mail.")
    card: Colour = Field(default="#ffffff", description="Behind the text.")
    text: Colour = Field(default="#1f2a2c", description="Text and headings.")
    muted: Colour = Field(default="#5a6769", description="Dates, sources and the footer.")
    link: Colour = Field(default="#1d5c63", description="Links in the text.")
    dark_primary: Colour = Field(default="#7cc4c1", description="The primary colour in dark mode.")
    dark_on_primary: Colour = Field(default="#0f1a1b", description="Text on the primary colour in dark mode.")
    dark_background: Colour = Field(default="#121819", description="Behind the mail in dark mode.")
    dark_card: Colour = Field(default="#1b2426", description="Behind the text in dark mode.")
    dark_text: Colour = Field(default="#e9eeee", description="Text and headings in dark mode.")
    dark_muted: Colour = Field(default="#a3b1b2", description="Dates, sources and the footer in dark mode.")
    dark_link: Colour = Field(default="#8ed1ce", description="Links in the text in dark mode.")


class FontFamilies(Section):
    """Font lists as CSS has them; the first font that a reader's device has is used."""

    body: Fonts = Field(default=SANS, description="Fonts of the text.")
    heading: Fonts = Field(default=SANS, description="Fonts of the headings.")


class SocialLink(Section):
    """One link in the footer to a page elsewhere."""

    name: Line = Field(description="The text of the link, such as Mastodon.", min_length=1)
    url: Url = Field(description="Where the link leads.")


class Theme(Section):
    """Logo, colours, fonts and footer of every template."""

    logo_url: OptionalUrl = Field(
        default="", description="Link to the logo; without one the organisation's name stands there."
    )
    logo_alt: Line = Field(default="", description="What the logo says, for readers who do not see it.")
    logo_width: int = Field(default=160, description="Width of the logo in pixels.", ge=16, le=600)
    colours: Colours = Field(default_factory=Colours, description="Colours for light and dark mode.")
    fonts: FontFamilies = Field(default_factory=FontFamilies, description="Fonts of text and headings.")
    social: tuple[SocialLink, ...] = Field(default=(), description="Links to your pages elsewhere.", max_length=12)
    footer: str = Field(default="", description="A sentence for the foot of every mail.", max_length=2000)
