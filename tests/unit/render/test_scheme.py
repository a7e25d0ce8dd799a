"""A mail shown in the light and in the dark, whatever the browser prefers."""

from __future__ import annotations

import pytest

from mailer.render.scheme import FALSE, TRUE, answers_dark, in_scheme

SHEET = "<style>@media (prefers-color-scheme: dark) { p { color: white } }</style>"


@pytest.mark.parametrize(
    ("scheme", "written", "becomes"),
    [
        ("dark", "(prefers-color-scheme: dark)", TRUE),
        ("light", "(prefers-color-scheme: dark)", FALSE),
        ("light", "(prefers-color-scheme: light)", TRUE),
        ("dark", "(prefers-color-scheme: light)", FALSE),
        ("dark", "( Prefers-Color-Scheme :DARK )", TRUE),
        ("dark", "tv and (prefers-color-scheme:dark) and (max-width: 9em)", f"tv and {TRUE} and (max-width: 9em)"),
    ],
)  # fmt: skip
def test_what_is_preferred_is_answered(scheme: str, written: str, becomes: str) -> None:
    html = f"<html><head><style>@media {written} {{ p {{ color: white }} }}</style></head><body></body></html>"
    assert f"@media {becomes} {{ p" in in_scheme(html, scheme)  # type: ignore[arg-type]


@pytest.mark.parametrize("quote", ['"', "'"])
def test_pictures_for_the_dark_are_chosen(quote: str) -> None:
    html = f"<picture><source srcset=a media={quote}(prefers-color-scheme: dark){quote}><img src=b></picture>"
    assert f"media={quote}{TRUE}{quote}" in in_scheme(html, "dark")
    assert f"media={quote}{FALSE}{quote}" in in_scheme(html, "light")


def test_a_style_sheet_for_the_dark_is_chosen_as_a_whole() -> None:
    html = '<style media="(prefers-color-scheme: dark)">p { color: white }</style>'
    assert f'<style media="{TRUE}">' in in_scheme(html, "dark")


@pytest.mark.parametrize(
    "text",
    [
        "<p>Write @media (prefers-color-scheme: dark) and media=x into your sheet.</p>",
        '<p title="(prefers-color-scheme: dark)">media</p>',
        "<p>a media=\"(prefers-color-scheme: dark)\" b</p>",
    ],
)  # fmt: skip
def test_what_stands_in_the_text_stays(text: str) -> None:
    assert text in in_scheme(f"<html><head></head><body>{text}</body></html>", "dark")


@pytest.mark.parametrize(
    "declares",
    [
        '<meta name="color-scheme" content="light dark">',
        '<meta content="light dark" name="supported-color-schemes">',
        "<style>:root { color-scheme: light dark; }</style>",
    ],
)
def test_the_ground_is_dark_for_what_says_that_it_can_be(declares: str) -> None:
    html = f"<html><head>{declares}</head><body></body></html>"
    assert "<style>:root{color-scheme:dark !important}</style></head>" in in_scheme(html, "dark")
    assert "<style>:root{color-scheme:light !important}</style></head>" in in_scheme(html, "light")
    assert answers_dark(html)


def test_the_ground_stays_light_for_what_never_says() -> None:
    html = "<html><head><!-- color-scheme: dark --></head><body></body></html>"
    assert "<style>:root{color-scheme:only light !important}</style></head>" in in_scheme(html, "dark")
    assert not answers_dark("<p>light</p>")


def test_html_without_a_head_is_answered_too() -> None:
    assert in_scheme(SHEET, "dark").endswith(SHEET.replace("(prefers-color-scheme: dark)", TRUE))
    assert answers_dark(SHEET)
