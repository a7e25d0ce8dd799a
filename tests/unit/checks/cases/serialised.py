from __future__ import annotations

from base64 import encodebytes
from dataclasses import replace

from mailer.checks.facts import Facts, Mail
from tests.unit.checks.making import GOOD, RAW, Case, mail


def put(old: str, new: str) -> Facts:
    assert old.encode() in RAW
    return mail(raw=RAW.replace(old.encode(), new.encode(), 1))


def part(encoding: str, body: bytes) -> Facts:
    """A mail whose text is that, with a part of HTML behind it."""
    head, _, rest = RAW.partition(b"Content-Transfer-Encoding: 7bit\r\n\r\n")
    rest = rest[rest.index(b"\r\n--=_b\r\n") :]
    return mail(raw=head + f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body + rest)


HEAD = b"From: a@b.example\r\nContent-Type: "
TURNED = RAW.replace(b"text/plain", b"x").replace(b"text/html", b"text/plain").replace(b"x;", b"text/html;")
QUOTED, BASE64 = "quoted-printable", "base64"

CASES = {
    "long-lines": Case(
        [(put("NEWS", "x" * 999), "a line of the message has more than 998 octets")],
        [put("NEWS", "x" * 998), mail(raw=b"")],
    ),
    "line-ends": Case(
        [
            (put("NEWS\r\n", "NEWS\n"), "a line of the message does not end"),
            (put("NEWS\r\n", "NEWS\r"), "a line of the message does not end"),
            (mail(raw=RAW + b"\r"), "a line of the message does not end"),
        ],
        [mail(raw=RAW.replace(b"\r\n", b"\n"))],
    ),
    "transfer-encoding": Case(
        [
            (part("7bit", "Flüsse".encode()), "a part has 8-bit characters"),
            (part(QUOTED, b"x" * 77 + b"\r\n"), "a part is not the quoted-printable"),
            (part(QUOTED, b"1=2"), "a part is not the quoted-printable"),
            (part(QUOTED, "Flüsse".encode()), "a part is not the quoted-printable"),
            (part(BASE64, b"QUJ$"), "a part is not the base64"),
            (part(BASE64, b"QUJD$"), "a part is not the base64"),
            (part(BASE64, b"QUJDR"), "a part is not the base64"),
            (part("utf-8", b"x"), "a part has a transfer encoding that does not exist"),
            (put("Content-Transfer-Encoding: 7bit\r\n\r\nNEWS", "\r\nFlüsse"), "a part has 8-bit characters"),
            (mail(raw="From: a@b.example\r\n\r\nFlüsse".encode()), "a part has 8-bit characters"),
        ],
        [
            part(QUOTED, b"x" * 75 + b"=\r\n1=3d2=C3=BC\t.\r\nend="),
            part(BASE64, encodebytes(b"Fl" * 100).replace(b"\n", b"\r\n")),
            part("8bit", "Flüsse".encode()),
            part("binary", "Flüsse".encode()),
            part("Quoted-Printable", b"=C3=BC"),
            mail(raw=b""),
            mail(raw=RAW.replace(b"\r\n", b"\n")),
        ],
    ),
    "both-parts": Case(
        [
            (mail(raw=HEAD + b"text/html\r\n\r\n<p>x"), "the message has no text/plain part"),
            (replace(GOOD, mails=(Mail("x"), *mail(raw=HEAD + b"text/plain\r\n\r\nx").mails)), "the message has no"),
            (mail(raw=HEAD + b"text/plain\r\n\r\nx"), "the message has no text/html part"),
            (mail(raw=b"From: a@b.example\r\n\r\nx"), "the message has no text/html part"),
            (
                mail(raw=TURNED),
                "the HTML comes before the text",
            ),
        ],
        [
            put("text/plain", "Text/Plain"),
            put('boundary="=_b"', "charset=utf-8; Boundary==_b"),
            mail(
                raw=HEAD + b'multipart/mixed; boundary=o\r\n\r\nnot read\r\n--o\r\n'
                + RAW[RAW.index(b"Content-Type") :] + b"\r\n--o--\r\nnot read"
            ),
            mail(raw=b""),
        ],
    ),
}  # fmt: skip
