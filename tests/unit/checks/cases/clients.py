from __future__ import annotations

from dataclasses import replace

from mailer.checks.clients import GMAIL_CLIPS_AT, NEARLY
from mailer.checks.facts import Facts, Probe
from mailer.checks.foreign import GMAIL_STYLES
from tests.unit.checks.making import GOOD, HTML, MAIL, NOW, Case, html, mail

NO_OUTLOOK = {"apple-mail": 60.0, "gmail": 30.0}
FLEX = '<div style="display:flex">x</div>'
GHOST = '<!--[if mso]><table role="presentation" width="600"><tr><td><![endif]-->'
GHOST_ENDS = "<!--[if mso]></td></tr></table><![endif]-->"
CONTROLS = (
    "text", "email", "tel", "number", "search", "date", "url", "submit", "password", "file",
)  # fmt: skip
FONTS = (
    "https://fonts.googleapis.com/css", "//fonts.bunny.net/css", "https://FONTS.gstatic.com/s", "https://use.typekit.net/a",
    "https://use.fontawesome.com/a", "https://fast.fonts.net/a", "https://cloud.typography.com/a",
    "https://a.b-c.myfonts.net/a", "https://site.example/font.css", "https://site.example/fonts.css",
)  # fmt: skip
NOT_WORD = "<!--[if !mso]><!-->"
ENDS = "<!--<![endif]-->"
INLINE = '<img alt="River" width="9" src="data:image/png;base64,AA">'
WIDE = '<div style="max-width:600px">x</div>'
PICTURE = '<img src="https://site.example/a.png" alt="River"'


def long(size: int) -> str:
    return HTML + "x" * (size - len(HTML))


def style(css: str, body: str = "", **changes: object) -> Facts:
    return html(body, f"<style>{css}</style>", **changes)


def styled(css: str) -> Facts:
    """A style attribute."""
    return html(f"<div style='{css}'>x</div>")


def with_clients(facts: Facts, **clients: float) -> Facts:
    return replace(facts, clients={name.replace("__", ".").replace("_", "-"): share for name, share in clients.items()})


def written(old: str, new: str) -> Facts:
    return mail(html=HTML.replace(old, new))


def probed(width: int) -> Facts:
    """A picture that shrinks, of so many pixels."""
    url = "https://site.example/a.png"
    return replace(html(f'{PICTURE} style="max-width:100%">'), probes={url: Probe(url, NOW, 200, width=width)})


CASES = {
    "clipped": Case(
        [
            (mail(html=long(GMAIL_CLIPS_AT + 1)), "the HTML has 102,401 bytes, Gmail cuts"),
            (mail(html=long(GMAIL_CLIPS_AT - 1) + "é"), "the HTML has 102,401 bytes, Gmail cuts"),
            (mail(html=long(GMAIL_CLIPS_AT)), "the HTML has 102,400 bytes, and at 102,400"),
            (mail(html=long(NEARLY + 1)), "the HTML has 92,161 bytes, and"),
            (replace(GOOD, mails=(MAIL, replace(MAIL, html=long(NEARLY + 7)))), "the HTML has 92,167 bytes, and"),
        ],
        [mail(html=long(NEARLY))],
    ),
    "unsupported": Case(
        [
            (html(FLEX), "display:flex does not work in Outlook on Windows and Windows Mail: 5 % of readers"),
            (style(".a{display:flex}", '<div class="a">x</div>'), "display:flex does not work"),
            (style("#a > p{display:inline-flex}", '<div id="a"><p>x</p></div>'), "display:flex does not work"),
            (style(".z, h1{display:flex}"), "display:flex does not work"),
            (with_clients(html(FLEX), outlook__windows=2.9), "display:flex does not work in Outlook on Windows: 3 %"),
            (
                with_clients(html(FLEX), outlook__windows=90, gmail=90),
                "display:flex does not work in Outlook on Windows",
            ),
            (styled("display:grid"), "display:grid does not work"),
            (styled("float:left"), "float does not work"),
            (styled("position:absolute"), "position does not work in Gmail"),
            (styled("background:url(https://site.example/a.png)"), "background-image does not work"),
            (styled("background-image:url(https://site.example/a.png)"), "background-image does not work"),
            (styled("background:linear-gradient(red,blue)"), "linear-gradient"),
            (styled("background:linear-gradient(red,blue);background-color:transparent"), "linear-gradient"),
            (styled("background:linear-gradient(red,blue);background-color:rgba(0,0,0,.5)"), "linear-gradient"),
            (styled("color:var(--ink)"), "CSS Variables"),
            (styled("color:oklch(40% 0.2 20)"), "lch(), oklch(), lab(), oklab() does not work"),
            (styled("color:rgba(0,0,0,.5)"), "rgba()"),
            (styled("width:calc(100% - 10px)"), "CSS calc() function does not work"),
            (styled("font-size:1.2rem"), "rem unit does not work"),
            (styled("padding:2vw"), "vw unit"),
            (styled("padding:1px;padding-left:2vw"), "vw unit"),
            (style("p{color:red; & a{color:blue}}"), "CSS Nesting"),
            (html("<svg><path/></svg>"), "Embedded <svg> image"),
            (html('<video src="https://site.example/a.mp4"></video>'), "<video>"),
            (html('<audio src="https://site.example/a.mp3"></audio>'), "<audio>"),
            (html("<p hidden>x</p>"), "hidden attribute"),
            (html(f"<!-- a word -->{FLEX}"), "display:flex does not work"),
            (html("<style>h1{display:flex}</style>", "<style>p{color:red}</style>"), "display:flex does not work"),
            (html('<table width="9" style="display:flex"><tr><td>x</td></tr></table>'), "display:flex does not work"),
            *(
                (html(f'<{tag}><a href="https://site.example/">x</a></{tag}><{tag}></{tag}>'), f"<{tag}>")
                for tag in ("video", "audio")
            ),
            (html(f"<picture>{PICTURE}></picture><picture></picture>"), "<picture>"),
            (html("<progress value=1></progress>"), "<progress>"),
            (html('<img alt="River" width="9" src="https://site.example/a.svg?v=2">'), "SVG image format"),
            (html('<img alt="River" width="9" src="https://site.example/a.WEBP">'), "webP image format does not"),
            (html('<img alt="River" width="9" src="data:image/png;base64,AA">'), "Base 64 image format"),
            (html('<img alt="River" width="9" srcset="https://site.example/a.png 2x">'), "srcset"),
            (html('<a href="#top">Up</a>'), "Local anchors"),
            (style("p{gap:4px}"), "gap, column-gap, row-gap does not work in"),
            (style('p:after{content:" - read this"}'), "::after"),
            (
                html(f"{NOT_WORD}<div style='position:fixed'>x</div>{ENDS}"),
                "position does not work in Gmail and Outlook on iOS",
            ),
            (html(f"{NOT_WORD}{ENDS}{FLEX}"), "display:flex does not work"),
            (html(f"{NOT_WORD}{FLEX}{ENDS}{FLEX}"), "display:flex does not work"),
            (with_clients(html(f"{INLINE}{FLEX}"), outlook__windows=5, gmail=0.9), "display:flex does not work"),
        ],
        [
            replace(html(FLEX), clients={}),
            replace(html(FLEX), clients=NO_OUTLOOK),
            with_clients(html(FLEX), outlook__windows=0.9),
            html(f"{NOT_WORD}{FLEX}{ENDS}"),
            *(
                html(f"<!--[if {other}]><!-->{FLEX}{ENDS}")
                for other in ("!gte mso 9", "!(mso)", "(!mso)", "(!gte mso 9)", "!MSO")
            ),
            *(
                html(f"<!--[if mso]><v:{name} /><![endif]--><p style='background:url(https://x.example/a.png)'>x</p>")
                for name in ("image", "background")
            ),
            html(f"{NOT_WORD}{FLEX}<!-- a word -->{FLEX}{ENDS}"),
            html(f"<!--[if mso]>{FLEX}<![endif]-->"),
            html(f"<!-- [if !mso]><!-->{FLEX}{ENDS}"),
            html(
                '<img alt="River" width="9" src="https://site.example/a.png" style="object-fit:cover;aspect-ratio:1">'
            ),
            style("@media (max-width:480px){h1{display:flex}}"),
            style("@supports (display:flex){h1{display:flex}}"),
            style("h1:hover{display:flex}"),
            style("[data-x] h1{display:flex}"),
            style(".nobody{display:flex} u + .body{display:flex} #nobody p{display:flex}"),
            styled("display:block;mso-hide:all;-webkit-box-flex:1rem"),
            styled("position:relative"),
            styled("float:none"),
            html('<table align="left" style="float:left"><tr><td>x</td></tr></table>'),
            styled("background:url(https://site.example/a.png) #ffffff"),
            styled("background:url(https://site.example/a.png);background-color:white"),
            html('<div bgcolor="#ffffff" style="background:url(https://site.example/a.png)">x</div>'),
            html(
                '<!--[if mso]><v:rect><v:fill/></v:rect><![endif]--><div style="background:url(https://x.example/a.png)">x</div>'
            ),
            styled("background-image:none"),
            styled("color:#333;color:rgba(0,0,0,.5)"),
            styled("color:#333;color:var(--ink)"),
            styled("--ink:1rem"),
            styled("border:1px solid rgba(0,0,0,.1)"),
            styled("box-shadow:0 0 1rem rgba(0,0,0,.1)"),
            styled("border-radius:1rem"),
            styled("width:600px;width:calc(100% - 10px)"),
            html('<table width="600" style="width:calc(100% - 10px)"><tr><td>x</td></tr></table>'),
            html('<video src="https://site.example/a.mp4"><a href="https://site.example/">Film</a></video>'),
            html(
                '<picture><source srcset="https://site.example/a.webp"><img alt="River" src="https://site.example/a.png"></picture>'
            ),
            html('<img alt="River" src="https://site.example/a.png" srcset="https://site.example/b.png 2x">'),
            html('<p hidden style="display:none">x</p>'),
            html('<a href="mailto:a@site.example">Write to us</a>'),
            style('p:after{content:"";display:table}'),
            style("@media print;"),
            html("<pre>p{display:flex}</pre>"),
            styled("list-style-image:url(https://site.example/a.png)"),
            style("p{padding: {% if large %}0{% else %}20px{% endif %}; color:red}"),
        ],
    ),
    "partly-supported": Case(
        [
            (
                with_clients(html(FLEX), gmail=60),
                "display:flex works in part in Gmail on Android",
            ),
            (
                with_clients(html('<img alt="River" width="9" src="https://site.example/a.webp">'), gmail=3),
                "webP image format works in part in Gmail: 3 %",
            ),
            (
                with_clients(html(FLEX), outlook__windows=0.9, gmail=9),
                "display:flex works in part in Gmail on Android and Gmail on iOS: 6 %",
            ),
            (
                with_clients(html(f"{INLINE}{FLEX}"), gmail=9),
                "display:flex works in part in Gmail on Android and Gmail on iOS: 6 %",
            ),
        ],
        [
            html(FLEX),
            with_clients(html(FLEX), gmail=4),
            with_clients(html(FLEX), outlook__windows=1, gmail=9),
            with_clients(html(FLEX), apple_mail=90),
            with_clients(style("@media (max-width:480px){h1{display:flex}}"), gmail=60),
            replace(html(FLEX), clients={}),
        ],
    ),
    "active-content": Case(
        [
            (html("<script>x()</script>"), "no mail program runs scripts"),
            *(
                (html(f'<{tag} src="https://site.example/"></{tag}>'), "mail programs show nothing embedded")
                for tag in ("iframe", "object", "embed", "applet")
            ),
            (mail(html="<html><frameset><frame></frameset></html>"), "mail programs show nothing embedded"),
            (html('<p onclick="x()">x</p>'), "no mail program runs scripts"),
            (html("", '<meta http-equiv="Refresh" content="0">'), "no mail program goes to another page"),
        ],
        [
            html('<script type="application/ld+json">{}</script>'),
            html("", '<meta http-equiv="X-UA-Compatible" content="IE=edge">'),
            html("<!--[if mso]><object></object><![endif]-->"),
        ],
    ),
    "forms": Case(
        [
            (html('<form action="https://site.example/"></form>'), "forms do not work for 7 % of readers"),
            (replace(html("<form></form>"), clients={}), "forms do not work everywhere"),
            (with_clients(html("<form></form>"), outlook__windows=1), "forms do not work for 1 %"),
            (with_clients(html("<form></form>"), outlook__windows=0.9), "forms do not work everywhere"),
            (html("<input>"), "forms do not work"),
            (html('<input type="EMAIL">'), "forms do not work"),
            *((html(f'<input type="checkbox"><input type="{kind}">'), "forms do not work") for kind in CONTROLS),
            (html("<textarea></textarea>"), "forms do not work"),
            (html("<select></select>"), "forms do not work"),
        ],
        [html('<input type="checkbox"><input type="radio"><input type="hidden">')],
    ),
    "external-css": Case(
        [
            (html("", '<link rel="stylesheet" href="https://site.example/a.css">'), "styles in another file"),
            (style('@import "https://site.example/a.css";'), "styles in another file"),
            (style("@import url( https://site.example/a.css);"), "styles in another file"),
            (style('@import"https://site.example/a.css";'), "styles in another file"),
        ],
        [
            html("", '<link rel="icon" href="https://site.example/a.png">'),
            html("", '<link rel="stylesheet" href="https://fonts.googleapis.com/css?family=Lato">'),
            html("", '<link rel="stylesheet"><link href="https://site.example/a.css"><style></style>'),
            style("@importance url(https://site.example/a.css);"),
            style("@font-face{src:url(https://site.example/a.woff)}"),
        ],
    ),
    "web-fonts": Case(
        [
            *((html("", f'<link rel="stylesheet" href="{address}">'), "a font is loaded") for address in FONTS),
            (style("@import url(https://use.typekit.net/a.css);"), "a font is loaded"),
            (style("@font-face{font-family:A;src:url('https://site.example/a.woff')}"), "a font is loaded"),
            (style('p{color:red}@FONT-FACE {SRC:URL( "HTTP://site.example/a.woff")}'), "a font is loaded"),
            (style("@font-face{src:url(https://site.example/a.woff)}"), "a font is loaded"),
        ],
        [
            html("", '<link rel="stylesheet" href="https://site.example/a.css">'),
            style("@font-face{font-family:A;src:local(Arial)}"),
            style("@font-face{font-family:A}p{background:url(https://site.example/a.png)}"),
            style("@font-face{font-family:A}@import url(https://site.example/a.css);"),
            html("<style></style>"),
        ],
    ),
    "style-size": Case(
        [
            (style("/*" + "x" * (GMAIL_STYLES - 3) + "*/"), "a style block has 16,385 bytes"),
            (style("/*" + "x" * (GMAIL_STYLES - 5) + "é*/"), "a style block has 16,385 bytes"),
        ],
        [style("/*" + "x" * (GMAIL_STYLES - 4) + "*/"), html("", "<style></style>")],
    ),
    "style-place": Case(
        [
            (html("<style>p{color:red}</style>"), "Gmail leaves out styles"),
            (html("<style>@media print{p{color:red}} b{color:red}</style>"), "Gmail leaves out styles"),
        ],
        [
            style("p{color:red}"),
            style("p{color:red}", "<style> p{color:red} </style>"),
            html("<style>p{color:red}</style>", "<style> p{color:red} </style><style></style>"),
            html("<style> </style><style></style>"),
            html("<!--[if mso]><style>p{color:red}</style><![endif]-->"),
        ],
    ),
    "amp": Case(
        [
            (mail(raw=b"Content-Type: text/x-amp-html\r\n"), "the AMP part is shown by 40 % of readers at most"),
            (written("<html ", "<html amp4email "), "the AMP part is shown"),
            (written("<html ", "<html ⚡4email "), "the AMP part is shown"),
            (replace(written("<html ", "<html amp4email "), clients={}), "the AMP part is shown, and only"),
        ],
        [mail(raw=b"Content-Type: text/html\r\n")],
    ),
    "outlook-comments": Case(
        [
            (html("<!--[if mso]><p>x</p>"), "a conditional comment never ends"),
            (html("<!--[IF mso]><p>x</p>"), "a conditional comment never ends"),
            (html("<![if !mso><p>x</p><![endif]>"), "a conditional comment lacks its ]"),
            (html("<!--[if mso]><p><!--[if mso]><p><![endif]-->"), "a conditional comment begins inside another"),
            (html(f"x{ENDS}"), "a conditional comment ends that never began"),
            (html(f"{GHOST}{GHOST_ENDS}<![endif]-->"), "a conditional comment ends that never began"),
            (html(f"<!--[if !mso><!-->x{ENDS}"), "a conditional comment lacks its ]"),
        ],
        [
            html(f"{GHOST}x{GHOST_ENDS}"),
            html(f"{NOT_WORD}x{ENDS}"),
            html("<!--[if !mso]> -->x<!-- <![endif]-->"),
            html("<![if !mso]>x<![endif]>"),
            html("<!--[IF gte mso 9]><xml></xml><![ENDIF]--><!-- if --><!--[iffy]>--><!--[iffy-->"),
        ],
    ),
    "outlook-image-width": Case(
        [
            (html(f'{PICTURE} style="width:100px">'), "a picture has its width in its style only"),
            (html(f'{PICTURE} style="height:auto; max-width: 100%">'), "a picture shrinks by its style only"),
            (probed(0), "a picture shrinks by its style only"),
            (probed(601), "a picture shrinks by its style only"),
            (html(f'{PICTURE} style="width:50%">'), "a picture has its width in its style only"),
            (html(f'{PICTURE} style="width:auto;max-width:90.5px">'), "a picture has its width in its style only"),
            (with_clients(html(f'{PICTURE} style="width:100px">'), outlook=1), "a picture has its width"),
            (with_clients(html(f'{PICTURE} style="width:9px">'), outlook__windows=1), "a picture has its width"),
            (html(f'{PICTURE} style="WIDTH:12.5PX">'), "a picture has its width in its style only"),
            (html(f'{PICTURE} style="MAX-WIDTH:99.5%">'), "a picture shrinks by its style only"),
            (html(f'{PICTURE} width="9">{PICTURE} style="width:9px">'), "a picture has its width in its style only"),
        ],
        [
            html(f'{PICTURE} width="100" style="width:100px">'),
            html(f"{PICTURE}>"),
            probed(600),
            probed(1),
            html(f'{PICTURE} style="height:auto;--max-width:100%">'),
            html(f'{PICTURE} style="width:auto">'),
            html(f'{PICTURE} style="border-width:1px;height:auto">'),
            html(f'{NOT_WORD}{PICTURE} style="width:100px">{ENDS}'),
            replace(html(f'{PICTURE} style="width:100px">'), clients=NO_OUTLOOK),
            with_clients(html(f'{PICTURE} style="width:100px">'), outlook__windows=0, apple_mail=50),
        ],
    ),
    "outlook-width": Case(
        [
            (html('<div style="max-width:600px">x</div>'), "in Outlook on Windows the mail is as wide"),
            *(
                (html(f'<{tag} style="MAX-WIDTH:600.25PX">x</{tag}>'), "in Outlook on Windows")
                for tag in ("div", "section", "main", "center", "article")
            ),
            (html('<table><tr><td style="max-width:600px">x</td></tr></table>'), "in Outlook on Windows"),
            (replace(GOOD, mails=(*html(f"{GHOST}{WIDE}{GHOST_ENDS}").mails, *html(WIDE).mails)), "in Outlook"),
            (html(f"<!--[if mso]><table><tr><td>width<![endif]-->{WIDE}{GHOST_ENDS}"), "in Outlook"),
            (html('<div style="color:red; max-width: 400.5px">x</div>'), "in Outlook on Windows"),
            (html('<div style="max-width:600px"><table width="100%"><tr><td>x</td></tr></table></div>'), "in Outlook"),
        ],
        [
            html('<div style="max-width:399px">x</div>'),
            html('<div style="color:red;--max-width:600px">x</div>'),
            html(f'<!--[if mso]><TABLE><TR><TD WIDTH="600"><![endif]-->{WIDE}{GHOST_ENDS}'),
            html('<table><tr><td width="600" style="max-width:600px">x</td></tr></table>'),
            html(f'{GHOST}<div style="max-width:600px">x</div>{GHOST_ENDS}'),
            html('<div style="max-width:600px"><table width="600"><tr><td>x</td></tr></table></div>'),
            html('<table width="600"><tr><td><div style="max-width:600px">x</div></td></tr></table>'),
            html('<table style="max-width:600px"><tr><td>x</td></tr></table>'),
            replace(html('<div style="max-width:600px">x</div>'), clients=NO_OUTLOOK),
        ],
    ),
}
