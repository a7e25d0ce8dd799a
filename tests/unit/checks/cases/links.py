from __future__ import annotations

from dataclasses import replace

from mailer.checks.facts import Facts
from tests.unit.checks.making import LINK, RAW, Case, html, mail, sending


def link(href: str, text: str = "More") -> Facts:
    return html(f'<p><a href="{href}">{text}</a></p>')


def of(from_email: str, base_url: str, href: str = "https://www.example.com/") -> Facts:
    alone = mail(html=f'<a href="{href}">More</a>', unsubscribe="")
    return replace(alone, sending=sending(from_email=from_email, base_url=base_url).sending)


RIVERS, NEWS = "news@rivers.example", "https://news.rivers.example"
HERE = replace(link("http://localhost:8000/u"), sending=sending(leaves_this_machine=False).sending)
"""While mails stay on this machine, a link to it is only warned of."""

TOLD = link("https://site.example/?m=reader@example.org")
FITTING = ("tel", "sms", "geo", "webcal", "whatsapp", "signal", "tg", "matrix", "xmpp", "cid")
SITES = (
    "com", "org", "net", "eu", "int", "info", "de", "at", "ch", "fr", "be", "es", "pt", "br", "it", "nl", "uk", "ie",
    "us", "ca", "in", "pk",
)  # fmt: skip

CASES = {
    "link-nowhere": Case(
        [(link(href), "a link leads nowhere") for href in ("", " ", "#", " # ", "https://", "http://", "mailto:")],
        [html('<p><a name="top">Top</a> <a>Nothing</a> <a href="#top">Up</a></p>'), link("https://a.example")],
    ),
    "unsafe-link": Case(
        [
            (link(href), "a link runs code or opens a file")
            for href in (
                "javascript:alert(1)", "JavaScript:void(0)", "java\nscript:x", "java script:x", "JAVASCRIPT://[x",
                "vbscript:x", "data:text/html,x", "file:///etc/passwd", "blob:x", "about:blank",
            )
        ],
        [link("https://site.example/javascript:x"), link("mailto:data@site.example")],
    ),
    "relative-link": Case(
        [
            (link(href), "a link has no https:// before it")
            for href in ("/about", "about.html", "www.a.example", "//a.example/a", "//[x", "?a=1", "site.example/a:b")
        ],
        [
            link(href)
            for href in ("#top", "https://site.example", "tel:+4712345678", "{{ id }}", "*|UNSUB|*", "leave/*|UNSUB|*")
        ],
    ),
    "malformed-link": Case(
        [
            (link("https://site.example:port/"), "a link is not an address"),
            (link("https://[site.example/"), "a link is not an address"),
            (link("https:/site.example/"), "a link is not an address"),
            (link("https://site .example/"), "a link is not an address"),
            (link("https://site.example/a b"), "a link is not an address"),
            (link("https://site..example/"), "a link is not an address"),
            (link("https://-site.example/"), "a link is not an address"),
            *(
                (link(f"https://{host}/"), "a link is not an address")
                for host in (
                    "_a.example", "a_.example", "a-.example", "a._b.example", "a.b_.example", "%73ite.example",
                    "sit%65.example", "site.%65xample", "site.exampl%", "x" * 64, f"a.{'x' * 64}",
                )
            ),
            *(
                (link(f"https://site.example/a{mark}b"), "a link is not an address")
                for mark in ("&lt;", "&gt;", "&quot;", "{", "}", "|", "\\", "^", "`")
            ),
            (link("tel://[1/"), "a link is not an address"),
            (link("x1+.-y:a"), "a link has a scheme that mail programs do not know"),
            (link("x:a"), "a link has a scheme that mail programs do not know"),
            (link("mailto:office"), "a link to write a mail has no address"),
            (link("htps://site.example"), "a link has a scheme that mail programs do not know"),
        ],
        [
            link("https://site.example:8443/a?b=c#d"),
            link("https://[2001:db8::1]/"),
            link("https://flüsse.example/ü"),
            link("https://a_b.site.example./"),
            link("mailto:a%40site.example?subject=a b"),
            link(f"https://{'x' * 63}.{'x' * 63}/"),
            link("https://a-b.c-d.e.example/"),
            link("https://x.example/"),
            link("https://localhost/"),
            link("/about"),
            link("javascript:x"),
            *(link(href) for href in ("http://", "https://", "mailto:")),
            *(link(f"{scheme}:x") for scheme in FITTING),
            link("https://site.example/{{ id }}"),
            link("*|UNSUB|*"),
        ],
    ),
    "private-link": Case(
        [
            (link(f"http://{host}/a"), "a link leads to a host that readers cannot reach")
            for host in (
                "localhost:8000", "127.0.0.1", "10.1.2.3", "192.168.0.1", "[::1]", "intranet", "printer.local",
                "a.test", "169.254.169.254",
            )
        ]
        + [(link("https://localhost/"), "a link leads to a host")],
        [
            link(href)
            for href in ("https://a.example/localhost", "https://93.184.215.14/", "ftp://localhost/", "https:/a")
        ],
    ),
    "http-link": Case(
        [(link(f"{scheme}://site.example/a"), "a link is not https") for scheme in ("http", "HTTP")],
        [
            link(href)
            for href in ("https://a.example/?b=http://c.example", "http://localhost/", "http:/a", "mailto:a@b.example")
        ],
    ),
    "shortened-link": Case(
        [
            (link("https://bit.ly/3xyz"), "a link hides where it leads"),
            (link("https://www.TinyURL.com/abc"), "a link hides where it leads"),
            (replace(link("https://go.rivers.example/a"), shorteners=frozenset({"go.rivers.example"})), "a link hides"),
        ],
        [link("https://site.example/bit.ly"), link("https://notbit.ly/"), link("ftp://bit.ly/a")],
    ),
    "placeholder-link": Case(
        [
            (of(RIVERS, NEWS), "a link leads to a site that only exists in examples"),
            (of(RIVERS, NEWS, "https://example.org"), "a link leads to a site that only"),
            (of(RIVERS, ""), "a link leads to a site that only"),
            (replace(link("https://example.net/a"), sending=None), "a link leads to a site that only"),
        ],
        [
            of("news@example.com", NEWS),
            of('"a@b"@example.com', NEWS),
            of(RIVERS, "https://news.example.com"),
            of(RIVERS, NEWS, "https://example.org.rivers.example/example.com"),
            of(RIVERS, NEWS, "https://myexample.com"),
        ],
    ),
    "misleading-link": Case(
        [
            (link("https://evil.example/", "https://bank.example/login"), "a link shows one address and leads to"),
            (link("https://evil.example/", "www.bank.example"), "a link shows one address"),
            *(
                (link("https://evil.example/", shown), "a link shows one address")
                for shown in (
                    "WWW.BANK.COM", "http://bank.com", "https://my.bank.com", "https://my-bank.com",
                    "https://bank.com:8443/", "https://bank.com?a=b", "https://bank.com#a", "bank.com/", "bank.com?a",
                    "bank.com#a", "bank.com.", "my-bank.com", "my.own.bank.com",
                )
            ),
            *((link("https://evil.example/", f"bank.{name}"), "a link shows one address") for name in SITES),
            (link("https://bank.com.evil.example/", "bank.com/login."), "a link shows one address"),
            (link("https://notbank.com/", "bank.com"), "a link shows one address"),
        ],
        [
            link("https://bank.com/", "www.bank.com"),
            link("https://news.bank.com/a?b", "https://bank.com"),
            link("https://bank.com/a", "WWW.Bank.com:443/b"),
            link("https://evil.example/", "Node.js"),
            link("https://evil.example/", "read it at bank.com"),
            link("https://evil.example/", "bank.com is ours"),
            link("https:///a", "bank.com"),
            link("ftp://evil.example/", "bank.com"),
            link("https://evil.example/", "More"),
        ],
    ),
    "personal-link": Case(
        [
            (link("https://site.example/?m=reader@example.org"), "a link tells another site the reader's address"),
            (link("https://site.example/?m=Reader%40example.org"), "a link tells another site"),
            (replace(TOLD, mails=(replace(TOLD.mails[0], raw=b""), *TOLD.mails)), "a link tells another site"),
            (
                replace(TOLD, mails=(replace(TOLD.mails[0], raw=RAW.replace(b"<reader@", b"<Reader@")),)),
                "a link tells another site",
            ),
        ],
        [
            link("mailto:reader@example.org"),
            link("https://site.example/?m=other@example.org"),
            mail(raw=b"", html=f'<a href="https://a.example/?m=reader@example.org">x</a><a href="{LINK}">Leave</a>'),
            replace(link("https://site.example/?m=reader@example.org"), mails=()),
            mail(raw=RAW.replace(b"To: Alex Reader <reader@example.org>", b"To: a@example.org, reader@example.org")),
        ],
    ),
}  # fmt: skip
