from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mailer.checks.facts import Facts
from tests.unit.checks.making import GOOD, HTML, LINK, Case, html, issue, mail

LONG = (
    "The river carried more this week than in all of the winter before it, and we weighed every bag of it by hand. " * 2
)
PIXEL = "https://site.example/weir.jpg"
SCHEME = '<meta name="color-scheme" content="light dark">'


def page(old: str, new: str, **changes: str) -> Facts:
    """GOOD with its HTML changed in one place."""
    assert old in HTML
    return mail(html=HTML.replace(old, new, 1), **changes)


def css(rules: str, body: str = "", **attributes: str) -> Facts:
    said = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return html(body, f"<style{said}>{rules}</style>")


def dark(rules: str) -> str:
    return f"@media (prefers-color-scheme: dark) {{ {rules} }}"


def bodies(*bodies: str) -> list[Facts]:
    return [html(body) for body in bodies]


def breaks(begins: str, *bodies: str) -> list[tuple[Facts, str]]:
    return [(html(body), begins) for body in bodies]


def alts(begins: str, *alts: str) -> Iterable[tuple[Facts, str]]:
    return breaks(begins, *(f'<img src="{PIXEL}" alt="{alt}" width="100">' for alt in alts))


def links(*names: str) -> list[str]:
    return [f'<p><a href="https://site.example/x">{name}</a></p>' for name in names]


def lit(body: str, head: str = "") -> Facts:
    """The page of GOOD without a word about dark mode."""
    facts = html(body, head)
    return replace(facts, mails=(replace(facts.mails[0], html=facts.mails[0].html.replace(SCHEME, "")),))


IN_TEXT = "More about the river is on {} and elsewhere."
PLAIN = 'style="text-decoration:none;color:#00e"'
LOGO = '<img src="https://site.example/logo.png" alt="Rivers United" width="100"{}>'

CASES: dict[str, Case] = {
    "language": Case(
        breaks=[
            (page('<html lang="en"', "<html"), "the html element says no language"),
            (page('<html lang="en"', '<html lang=" "'), "the html element says no language"),
            (page('<html lang="en"', '<html lang="English!"'), "the html element says a language that is none"),
            (page('<html lang="en"', '<html lang="e"'), "the html element says a language that is none"),
            (issue(language="de"), "the HTML is in another language than the issue"),
            (page('<div lang="en"', "<div"), "nothing within the body says the language"),
            (page("<body>", '<body><p style="display:none" lang="en">x</p><p>Hello</p>'), "nothing within the body"),
        ],
        passes=[
            issue(language="en-GB"),
            page('<html lang="en"', '<html lang="EN-us"'),
            replace(page('<html lang="en"', '<html lang="de"'), issue=None),
            page("<body>", '<body><p style="display:none">x</p><!-- y --><style>p{}</style>'),
            mail(html=" "),
        ],
    ),
    "direction": Case(
        breaks=[
            (page('<html lang="en" dir="ltr"', '<html lang="en"'), "the html element says no direction"),
            (page('<div lang="en" dir="ltr"', '<div lang="en"'), "the first element of the body says no direction"),
            (issue(language="ar"), "the html element says the other direction"),
            (
                page('<div lang="en" dir="ltr"', '<div lang="en" dir="rtl"'),
                "the first element of the body says the oth",
            ),
            (replace(page('<html lang="en"', '<html lang="ur"'), issue=None), "the html element says the other"),
        ],
        passes=[
            page('<html lang="en" dir="ltr"', '<html lang="en" dir="auto"'),
            page('<html lang="en" dir="ltr"', '<html lang="en" dir=" LTR "'),
            replace(mail(html=HTML.replace('lang="en" dir="ltr"', 'lang="he" dir="rtl"')), issue=None),
        ],
    ),
    "title": Case(
        breaks=[
            (page("<title>Rivers</title>", ""), "the HTML has no title"),
            (page("<title>Rivers</title>", "<title> </title>"), "the HTML has no title"),
        ],
        passes=[page("<title>Rivers</title>", "<title>R</title>")],
    ),
    "headings": Case(
        breaks=[
            (html("<h1>Another</h1>"), "another heading of the first level"),
            (html("<h3>Small</h3>"), "a heading of level 3 follows one of level 1"),
            (html("<h2>One</h2><h4>Two</h4>"), "a heading of level 4 follows one of level 2"),
            (html("<h2> </h2>"), "an empty heading"),
            (html("<h2><img src='a' alt=''></h2>"), "an empty heading"),
            (page("<h1>News</h1>", "<h2>News</h2>"), "no heading is of the first level"),
            (page("<h1>News</h1>", f"<p>{LONG * 3}</p>"), "a long mail without a heading"),
        ],
        passes=[
            html("<h2>One</h2><h3>Two</h3><h2>Three</h2><h3>Four</h3><h4>Five</h4><h5>Six</h5><h6>Seven</h6>"),
            page("<h1>News</h1>", "<p>News</p>"),
            html('<h1 style="display:none">For programs</h1>'),
            html("<h2><img src='a' alt='Rivers'></h2>"),
        ],
    ),
    "layout-tables": Case(
        breaks=breaks(
            "a table of the layout is read out",
            "<table><tr><td>x</td></tr></table>",
            '<table role=""><tr><td>x</td></tr></table>',
            "<table><tr><td><table role='none'><tr><th>Day</th></tr></table></td></tr></table>",
        ),
        passes=bodies(
            '<table role="presentation"><tr><td>x</td></tr></table>',
            "<table><tr><th>Day</th></tr><tr><td>x</td></tr></table>",
            "<table><caption>Days</caption><tr><td>x</td></tr></table>",
            '<table style="display:none"><tr><td>x</td></tr></table>',
            "<!--[if mso]><table><tr><td><![endif]-->x<!--[if mso]></td></tr></table><![endif]-->",
        ),
    ),
    "data-tables": Case(
        breaks=breaks(
            "a table of data is marked as layout",
            '<table role="presentation"><tr><th>Day</th></tr></table>',
            '<table role=" None "><caption>Days</caption><tr><td>x</td></tr></table>',
        ),
        passes=bodies(
            '<table role="presentation"><tr><td><table><tr><th>Day</th></tr></table></td></tr></table>',
            "<table><tr><th>Day</th></tr></table>",
            '<table role="grid"><tr><th>Day</th></tr></table>',
        ),
    ),
    "same-ids": Case(
        breaks=breaks("several elements have the same id", '<p id="a">x</p><p id="a">y</p>'),
        passes=bodies('<p id="a">x</p><p id="b">y</p>', '<p id="">x</p><p id="">y</p>'),
    ),
    "no-alt": Case(
        breaks=breaks(
            "a picture has no alternative text",
            f'<img src="{PIXEL}" width="100">',
            '<style>@media print{p{display:none}}</style><p><img src="https://site.example/1.gif" width="1"></p>',
        ),
        passes=bodies(
            f'<img src="{PIXEL}" alt="" width="100">',
            f'<img src="{PIXEL}" alt="The weir" width="100">',
            f'<div style="display:none"><img src="{PIXEL}"></div>',
        ),
    ),
    "poor-alt": Case(
        breaks=[
            *alts("an alternative text is the name of a file", "weir.JPG", "IMG_2031", "dsc-12", "Screenshot 3"),
            *breaks(
                "an alternative text is the name", '<img src="https://site.example/a/weir_3.png?w=1" alt="weir_3">'
            ),
            *alts("an alternative text says that it is a picture", "Image of a weir", "a photo of us", "Bild von Eva"),
            *alts("an alternative text says that it is", "une photo de nous", "Imagen de la presa", "foto do rio"),
            *alts("an alternative text says that it is", "صورة السد", "بند کی تصویر", "Picture showing a weir"),
            *alts("an alternative text says nothing", "Image", "spacer", "Bild"),
            *alts("an alternative text is longer than 150 letters", "w" * 151),
        ],
        passes=[
            *(facts for facts, _ in alts("", "", "The weir", "w" * 150, "Imagery of water", "Photographers at work")),
            html('<img src="https://site.example/weir.png" alt="weir" width="100">'),
            html('<img src="https://site.example/" alt="The weir" width="100">'),
        ],
    ),
    "empty-link": Case(
        breaks=[
            *breaks("a link has no words", *links("", " &nbsp; ", "<b></b>")),
            *breaks("a link is a picture without alternative text", *links(f'<img src="{PIXEL}" alt="">')),
            (html('<a href="https://site.example/"></a> x <table role="none"></table>'), "a link has no words"),
            (html('<a href="https://site.example/"></a><p>x</p>'), "a link has no words"),
            (html('<a href="https://site.example/" aria-labelledby="no"></a><p id="n">x</p>'), "a link has no words"),
        ],
        passes=[
            *bodies(*links("Rivers", f'<img src="{PIXEL}" alt="The weir" width="100">')),
            html('<a href="https://site.example/" aria-label="Rivers"></a>'),
            html('<a href="https://site.example/" title="Rivers"></a>'),
            html('<a href="https://site.example/" aria-labelledby="n"></a><p id="n">x</p>'),
            html('<a name="top"></a>'),
            html('<a href="https://site.example/"><table role="none"><tr><td>Rivers</td></tr></table></a>'),
            html('<a href="https://site.example/" style="display:none"></a>'),
        ],
    ),
    "generic-link": Case(
        breaks=breaks(
            "a link does not say where it leads",
            *links(
                "Click here", "here!", "Read more →", "» mehr lesen", "Cliquez ici", "Más información", "saiba mais"
            ),
            *links("اقرأ المزيد", "مزید پڑھیں", "<b>learn</b>  more"),
        ),
        passes=[
            *bodies(*links("Read more about rivers", "hereafter", "Plus de rivières")),
            html('<a href="https://site.example/" aria-label="Read more: Rivers">Read more</a>'),
            html('<a href="https://site.example/" aria-labelledby="n">Read more</a><p id="n">Rivers</p>'),
            html('<a href="https://site.example/" style="display:none">More</a>'),
            html("<a>More</a>"),
        ],
    ),
    "small-text": Case(
        breaks=[
            (html('<p style="font-size:13.9px">Small</p>'), "text of 13.9 pixels is small"),
            (html('<p style="font-size:10pt">Small</p>'), "text of 13.3 pixels is small"),
            (html('<p style="font-size:80%">Small</p>'), "text of 12.8 pixels is small"),
            (html("<p><small>Small</small></p>"), "text of 13.3 pixels is small"),
            (html('<p><font size="1">Small</font></p>'), "text of 10 pixels is small"),
            (css("@media (max-width:480px) { p { font-size: 11px !important } }", "<p>x</p>"), "text of 11 pixels"),
            (css("p { font: 9px/2 Arial }"), "text of 9 pixels"),
        ],
        passes=[
            html('<p style="font-size:14px">Large enough</p>'),
            html('<p style="font-size:12px"> &middot; </p>'),
            html('<p>x<sup style="font-size:11px">2</sup></p>'),
            html('<p style="font-size:12px"><span style="font-size:16px">Large enough</span></p>'),
            html('<p style="font-size:1px">Preview</p>'),
            css("@media print { p { font-size: 11px } }"),
            css("p { font-size: 11px }", type="text/plain"),
        ],
    ),
    "tight-lines": Case(
        breaks=breaks(
            "lines are too close together",
            f'<p style="line-height:1.29">{LONG}</p>',
            f'<p style="font-size:16px;line-height:20px">{LONG}</p>',
            f'<div style="line-height:100%"><p>{LONG}</p></div>',
        ),
        passes=bodies(
            f'<p style="line-height:1.3">{LONG}</p>',
            f'<p style="font-size:16px;line-height:21px">{LONG}</p>',
            f"<p>{LONG}</p>",
            '<p style="line-height:1">Short enough for a line</p>',
            f'<p style="line-height:1.2;font-size:24px">{LONG}</p>',
        ),
    ),
    "justified": Case(
        breaks=breaks(
            "text is justified",
            f'<p style="text-align:justify">{LONG}</p>',
            f'<p align="justify">{LONG}</p>',
            f'<div style="text-align: JUSTIFY"><p>{LONG}</p></div>',
        ),
        passes=bodies(
            f'<p style="text-align:center">{LONG}</p>',
            f'<div style="text-align:justify"><p style="text-align:left">{LONG}</p></div>',
            '<p style="text-align:justify">Short</p>',
        ),
    ),
    "zoom": Case(
        breaks=[
            (html("", f'<meta name="Viewport" content="width=device-width, {said}">'), "the page may not be enlarged")
            for said in ("user-scalable=no", "user-scalable = 0", "maximum-scale=1", "maximum-scale=1.9")
        ],
        passes=[
            html("", f'<meta name="{name}" content="{said}">')
            for name, said in (
                ("viewport", "width=device-width, initial-scale=1"),
                ("viewport", "user-scalable=yes, maximum-scale=2"),
                ("x", "user-scalable=no"),
            )
        ],
    ),
    "only-pictures": Case(
        breaks=[
            (page("<h1>News</h1>", f'<img src="{PIXEL}" alt="{LONG}" {width}>'), "nearly all of the mail is pictures")
            for width in ('width="600"', 'width="200"', 'width="100%"', "")
        ],
        passes=[
            page("<h1>News</h1>", f'<img src="{PIXEL}" alt="The weir" width="199">'),
            html(f'<img src="{PIXEL}" alt="The weir" width="600"><p>{LONG}</p>'),
            page("<h1>News</h1>", f'<p style="display:none"><img src="{PIXEL}" alt="" width="600"></p>'),
        ],
    ),
    "contrast": Case(
        breaks=[
            (html('<p style="color:#777">Faint</p>'), "#777777 on #ffffff has a contrast of 4.47, needed is 4.5"),
            (html('<p style="color:#767676;background:#fcfcfc">Faint</p>'), "#767676 on #fcfcfc has a contrast of 4.4"),
            (html('<table role="none"><tr><td bgcolor="336699">Faint</td></tr></table>'), "#000000 on #336699"),
            (html('<p><font color="silver">Faint</font></p>'), "#c0c0c0 on #ffffff"),
            (html('<p style="opacity:.5">Faint</p>'), "#808080 on #ffffff has a contrast of 3.9"),
            (html('<p style="color:rgba(0,0,0,.4)">Faint</p>'), "#999999 on #ffffff"),
            (html('<p style="color:#959595;font-size:24px">Faint</p>'), "#959595 on #ffffff has a contrast of 2.99"),
            (html('<p style="color:#777;font-size:18px;font-weight:bold">Faint</p>'), "#777777 on #ffffff"),
            (css("p { color: #777 } h1 { color: #000 }"), "#777777 on #ffffff"),
            (css("@media (max-width: 480px) { p { color: #888 } }"), "#888888 on #ffffff"),
            (css("@media (min-width: 481px) { p { color: #888 } }"), "#888888 on #ffffff"),
            (html('<p style="color:#eee;position:absolute;background:#fff">Faint</p>'), "#eeeeee on #ffffff"),
            (html('<p style="color:#eee;position:relative">Faint</p>'), "#eeeeee on #ffffff"),
            (page("<body>", '<body style="background:#00e">'), "#0000ee on #0000ee has a contrast of 1,"),
            (html(f'<a href="{LINK}" style="color:#ccc">Leave</a>'), "#cccccc on #ffffff has a contrast of 1.6"),
        ],
        passes=[
            html('<p style="color:#767676">Just enough</p>'),
            html('<p style="color:#949494;font-size:24px">Just enough</p>'),
            html('<p style="color:#949494;font-size:19px;font-weight:bold">Just enough</p>'),
            html('<p style="color:#fff;background:url(a.png) #fff">On a picture</p>'),
            html('<div style="background-image:linear-gradient(#000,#111)"><p style="color:#fff">On a run</p></div>'),
            html('<p style="color:oklch(.5 .1 20)">Unknown</p>'),
            html('<p style="color:var(--faint)">Unknown</p>'),
            html('<p style="color:#fff;display:none">Hidden</p>'),
            html('<p style="color:#fff;font-size:1px">Hidden</p>'),
            html('<p style="color:#fff;max-height:0;overflow:hidden">Hidden</p>'),
            html('<p style="color:#fff;position:absolute;left:-9999px">Hidden</p>'),
            html('<p style="color:#fff;position:absolute;left:9px">Over something</p>'),
            html('<p style="color:#fff;visibility:hidden">Hidden</p>'),
            html('<p style="color:#fff;opacity:0">Hidden</p>'),
            html('<p style="color:transparent">Hidden</p>'),
            html('<p style="color:#eee">&middot; | &bull;</p>'),
            html('<div style="background:#000"><p style="color:#fff">White on black</p></div>'),
            css("p { color: #eee } p { color: #000 !important }"),
            css("@media print { p { color: #eee } }"),
        ],
    ),
    "contrast-dark": Case(
        breaks=[
            (css(dark("body { background: #111 } p { color: #555 }")), "#555555 on #111111"),
            (css(dark("p { color: #333 !important }"), '<p style="color:#000">x</p>'), "#333333 on #121212"),
            (html('<p style="color:#222">Black on black</p>'), "#222222 on #121212"),
            (css(dark("div { background: #fff }")), "#ffffff on #ffffff has a contrast of 1,"),
            (css(dark("p { color: #555 }") + "@media (max-width:9px) { p { color: #fff } }"), "#555555 on #121212"),
        ],
        passes=[
            lit('<p style="color:#222">Light as ever</p>'),
            css(dark("body { background: #111 !important } p { color: #eee }")),
            html('<p style="color:#222;background:#eee">Both are set</p>'),
            css(dark("p { color: #555 }").replace("dark", "light"), '<p style="color:#000;background:#fff">x</p>'),
        ],
    ),
    "no-dark-mode": Case(
        breaks=[
            (lit(""), "nothing in it is meant for dark mode"),
            (lit("", '<meta name="color-scheme" content="light">'), "nothing in it is meant"),
            (lit("", "<style>@media (prefers-color-scheme: light) { p { color: #000 } }</style>"), "nothing in it"),
            (lit("", '<meta name="theme" content="dark">'), "nothing in it"),
            (replace(GOOD, mails=(*GOOD.mails, *lit("").mails)), "nothing in it"),
        ],
        passes=[
            lit("", f"<style>{dark('p { color: #fff }')}</style>"),
            lit("", '<meta name="Supported-Color-Schemes" content="light DARK">'),
            lit("", "<style>:root { color-scheme: light dark; }</style>"),
            lit("", '<style media="(prefers-color-scheme:dark)">p { color: #fff }</style>'),
        ],
    ),
    "dark-logo": Case(
        breaks=[
            (html(LOGO.format("")), "a logo may be transparent"),
            (html('<img src="https://site.example/a.SVG?x" alt="" class="logo" width="100">'), "a logo may be"),
            (html('<img src="https://site.example/a.gif" alt="Logo of us" width="100">'), "a logo may be"),
        ],
        passes=[
            lit(LOGO.format("")),
            html(LOGO.format(' style="background:#fff"')),
            html(LOGO.format("").replace(".png", ".jpg")),
            html(LOGO.format("").replace("logo.png", "weir.png")),
            css(dark(".l { display: none }"), LOGO.format(' class="l"')),
        ],
    ),
    "link-by-colour": Case(
        breaks=[
            *breaks("a link differs", f"<p>{IN_TEXT.format(f'<a href=x {PLAIN}>our page</a>')}</p>"),
            *breaks("a link differs", "<p>More of it: <a href=x style='text-decoration:none'>our page</a></p>"),
            (
                lit('<p>More of it here <a href=x style="text-decoration:none;font-weight:500">us</a></p>'),
                "a link differs",
            ),
            (lit('<p>Of it all <a href=x style="text-decoration:none;color:#00e">our page</a></p>'), "a link differs"),
            (
                lit('<p>More of it here <a href=x style="text-decoration:none;color:#595959">us</a></p>'),
                "a link differs",
            ),
            (css("a { text-decoration: none; color: #555 }", f"<p>{IN_TEXT.format('<a href=x>us</a>')}</p>"), "a link"),
        ],
        passes=[
            *bodies(
                f"<p>{IN_TEXT.format('<a href=x>our page</a>')}</p>",
                f"<p><a href=x {PLAIN}>our page</a></p>",
                f"<p><a href=x {PLAIN}>our page</a> &middot; <a href=y {PLAIN}>another page</a></p>",
                f"<p>{IN_TEXT.format(f'<a href=x {PLAIN}><b>our page</b></a>')}</p>",
                f"<p>{IN_TEXT.format(f'<a href=x {PLAIN}><u>our page</u></a>')}</p>",
            ),
            html(f"<p>{IN_TEXT.format('<a href=x style=text-decoration:none;border-bottom:1px&#32;solid>us</a>')}</p>"),
            html(f"<p>{IN_TEXT.format('<a href=x style=text-decoration:none;background:#eee;color:#00e>us</a>')}</p>"),
            html(f"<p>{IN_TEXT.format('<a href=x style=text-decoration:none;display:inline-block>us</a>')}</p>"),
            lit('<p>More of it here <a href=x style="text-decoration:none;font-weight:600">our page</a></p>'),
            lit('<p>More of it here <a href=x style="text-decoration:none;color:#5a5a5a">our page</a></p>'),
            lit('<p>Of it al <a href=x style="text-decoration:none;color:#00e">our page</a></p>'),
            lit('<p>More of it here <a href=x style="text-decoration:none;color:lab(5 5 5)">our page</a></p>'),
            lit(
                '<p style="color:lab(5 5 5)">More of it is <a href=x style="text-decoration:none;color:#000">us</a></p>'
            ),
        ],
    ),
}
