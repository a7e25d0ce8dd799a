"""Mails as they arrived: signatures verified beside another implementation, and what their headers prove."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mailer.checks.domain.received import judge_message, judge_ways_out
from mailer.checks.domain.signature import MOST, Signature, parts_of, signatures
from mailer.checks.domain.verdict import State, Verdict
from mailer.providers.smtp.dkim import DkimSigner
from mailer.providers.smtp.keyfile import load_key, public_text
from tests.unit.checks.zones import Zone, told, zone

NOW = 1_795_000_000
PAGE = "https://news.example.org/u/AbCdEf"
HEADERS = {
    "Return-Path": "<bounces@example.org>",
    "Received": "from smtp.example.org (smtp.example.org [192.0.2.1]) by mx.example.net with ESMTPS id 1",
    "Authentication-Results": "mx.example.net; spf=pass (ok) smtp.mailfrom=bounces@example.org; "
    "dkim=pass header.d=example.org; dmarc=pass (p=NONE) header.from=example.org",
    "From": "Rivers United <news@example.org>",
    "To": "amal@example.net",
    "Subject": "=?utf-8?q?The_river?=",
    "Date": "Mon, 23 Nov 2026 09:00:00 +0000",
    "Message-ID": "<1@example.org>",
    "List-Id": "Weekly <weekly.example.org>",
    "List-Unsubscribe": f"<{PAGE}>, <mailto:leave@example.org>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "MIME-Version": "1.0",
}  # fmt: skip
BODY = b"Good morning,\r\n\r\nthe river  is clean. \r\n\r\n\r\n"
SIGNED = [
    name.encode()
    for name in ("from", "from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post")
]


@cache
def rsa_key(bits: int = 2048) -> tuple[bytes, str]:
    """A private key as dkimpy takes it, and its record."""
    key = rsa.generate_private_key(65537, bits)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    data = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return pem, f"v=DKIM1; k=rsa; p={b64encode(data).decode()}"


@cache
def ed_key() -> tuple[bytes, str]:
    key = Ed25519PrivateKey.generate()
    seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    data = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return b64encode(seed), f"v=DKIM1; k=ed25519; p={b64encode(data).decode()}"


def mail(body: bytes = BODY, **changed: str | None) -> bytes:
    """A mail as it arrives; an underscore in a name stands for a hyphen, None takes a header out."""
    values = HEADERS | {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}" for name, value in values.items() if value is not None]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def signed(
    data: bytes, *, domain: bytes = b"example.org", names: list[bytes] | None = None,
    canonical: str = "relaxed/relaxed", key: tuple[bytes, str] | None = None, length: bool = False,
) -> bytes:  # fmt: skip
    head, _, body = canonical.partition("/")
    pem, record = key or ed_key()
    header = dkim.sign(
        data, b"s1", domain, pem, canonicalize=(head.encode(), body.encode()), include_headers=names or SIGNED,
        signature_algorithm=b"ed25519-sha256" if "ed25519" in record else b"rsa-sha256", length=length,
    )  # fmt: skip
    assert isinstance(header, bytes)
    return header + data


def keys(record: str = "", domain: str = "example.org") -> Zone:
    return zone(
        {
            f"s1._domainkey.{domain} TXT": record or ed_key()[1],
            "_dmarc.example.org TXT": "v=DMARC1; p=none; rua=mailto:d@example.org",
        }
    )


def only(data: bytes, ask: Zone | None) -> Signature:
    (found,) = signatures(parts_of(data), ask, NOW)
    return found


@pytest.mark.parametrize("canonical", ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"])
@pytest.mark.parametrize("body", [BODY, b"", b"\r\n", b"one line", b" \t \r\n\r\n", b"a \t b\t\r\n"])
@pytest.mark.parametrize("key", [rsa_key, ed_key])
def test_what_another_program_signed_holds(canonical: str, body: bytes, key: object) -> None:
    pair = rsa_key() if key is rsa_key else ed_key()
    data = signed(mail(body), canonical=canonical, key=pair)
    found = only(data, keys(pair[1]))
    assert (found.fault, found.holds, found.domain) == ("", True, "example.org")


@given(
    # SMTP hands over no last line without its end, and programs differ about blanks in one.
    st.binary(max_size=60).map(lambda octets: octets and octets.replace(b"\r", b"").replace(b"\n", b"\r\n") + b"\r\n"),
    st.text("ab \t", max_size=12),
    st.sampled_from(["relaxed/relaxed", "relaxed/simple", "simple/simple", "simple/relaxed"]),
)
def test_any_text_that_another_program_signed_holds(body: bytes, subject: str, canonical: str) -> None:
    data = signed(mail(body, Subject=f"a{subject}b"), canonical=canonical, key=ed_key())
    assert only(data, keys(ed_key()[1])).holds


@cache
def sealed() -> bytes:
    return signed(mail(b"Good morning.\r\n"), canonical="simple/simple", key=ed_key())


@given(st.sampled_from([b"Rivers United", b"amal", b"The_river", b"AbCdEf", b"One-Click", b"morning"]), st.data())
def test_a_mail_with_a_letter_changed_does_not_hold(where: bytes, data: st.DataObject) -> None:
    at = sealed().rindex(where) + data.draw(st.integers(0, len(where) - 1))
    letter = data.draw(st.integers(33, 126).filter(lambda letter: letter != sealed()[at]))
    other = sealed()[:at] + bytes([letter]) + sealed()[at + 1 :]
    assert not only(other, keys(ed_key()[1])).holds


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ((b"clean", b"dirty"), "the text of the mail is not what was signed"),
        ((b"The_river", b"The_lake"), "a header is not what was signed, or the key is another one"),
        ((b"h=from : from", b"h=to : from"), "a header is not what was signed, or the key is another one"),
        ((b" d=example.org;", b""), "it lacks what every signature has"),
        ((b"ed25519-sha256", b"rsa-sha1"), "its algorithm is not to be believed any more"),
        ((b"v=1;", b"v=1; x=1700000000;"), "its time is over (x=)"),
        ((b"h=from : from : to", b"h=to"), "it does not cover From"),
    ],
)
def test_why_a_signature_does_not_hold(change: tuple[bytes, bytes], fault: str) -> None:
    data = signed(mail())
    assert change[0] in data
    assert only(data.replace(*change, 1), keys()).fault == fault


def test_a_fold_after_the_https_link_is_as_it_should_be() -> None:
    parts = parts_of(signed(mail(List_Unsubscribe=f"<{PAGE}>,\r\n <mailto:l@example.org>")))
    assert [each.state for each in judge_ways_out(parts)] == [State.OK]


def test_a_second_from_breaks_an_oversigned_one() -> None:
    data = signed(mail())
    head, body = data.split(b"\r\n\r\n", 1)
    forged = head + b"\r\nFrom: Mallory <m@example.net>\r\n\r\n" + body
    assert not only(forged, keys()).holds
    assert only(data, keys()).holds


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ("v=DKIM1; p=", "its key s1._domainkey.example.org: the key is revoked"),
        ("other", "its key s1._domainkey.example.org: it has no p=, the key"),
        (rsa_key(1024)[1], "a header is not what was signed, or the key is another one"),
        (ed_key()[1], "its key s1._domainkey.example.org is of another kind"),
    ],
    ids=["revoked", "no key", "another key", "another kind"],  # keys are new in each process, and names must not be
)
def test_a_key_that_does_not_fit(record: str, fault: str) -> None:
    assert only(signed(mail(), key=rsa_key()), keys(record)).fault == fault


def test_a_key_that_is_gone_or_could_not_be_asked_for() -> None:
    data = signed(mail())
    assert only(data, zone({})).fault == "its key s1._domainkey.example.org is not there"
    for ask in (None, zone({}, "s1._domainkey.example.org")):
        assert (only(data, ask).fault, only(data, ask).checked, only(data, ask).holds) == ("", False, False)


def test_line_ends_and_the_line_of_a_mailbox_file_do_not_matter() -> None:
    data = signed(mail()).replace(b"\r\n", b"\n")
    assert only(b"From news@example.org Mon Nov 23\n" + data, keys()).holds


def test_of_a_thousand_signatures_a_few_are_looked_at() -> None:
    assert len(signatures(parts_of(b"DKIM-Signature: v=1\r\n" * 1000 + mail()), None, NOW)) == MOST


def judged(data: bytes, ask: Zone | None = None) -> list[Verdict]:
    return judge_message(data, ask or keys(), NOW)


def test_a_mail_in_order_has_nothing_to_mend() -> None:
    assert {verdict.state for verdict in judged(signed(mail()))} == {State.OK}


@pytest.mark.parametrize(
    ("data", "state", "words"),
    [
        (mail(), State.ERROR, "nobody signed it (DKIM)"),
        (signed(mail(), names=[b"from", b"from", b"list-unsubscribe"]), State.ERROR,
         "List-Unsubscribe-Post not covered, so that no mail program need offer it"),
        (signed(mail(), names=[b"from", b"from", b"list-unsubscribe-post"]), State.ERROR,
         "List-Unsubscribe not covered, so that no mail program need offer it"),
        (signed(mail(), names=SIGNED[:2] + SIGNED[3:]), State.WARNING, "To not covered"),
        (signed(mail(), names=SIGNED[1:]), State.WARNING,
         "From is named once in h=: somebody may put another one in front"),
        (signed(mail(), length=True), State.WARNING,
         "the signature of example.org (s1) covers a part of the text only (l=): anybody may add to it"),
        (signed(mail(From="<a@b.example>, <c@d.example>")), State.ERROR, "the mail has no address in From, or several"),
        (signed(mail(From="nobody")), State.ERROR, "the mail has no address in From, or several"),
        (signed(mail(From="Rivers <n@other.net>")), State.ERROR, "no signature that holds speaks for other.net"),
        (signed(mail(List_Unsubscribe=None)), State.ERROR,
         "no List-Unsubscribe: no mail program can offer to unsubscribe"),
        (signed(mail(List_Unsubscribe="<mailto:leave@example.org>")), State.ERROR,
         "List-Unsubscribe has 0 https links and needs one"),
        (signed(mail(List_Unsubscribe=f"<{PAGE}>, <{PAGE}2>")), State.ERROR,
         "List-Unsubscribe has 2 https links and needs one"),
        (signed(mail(List_Unsubscribe="<http://example.org/u/1>")), State.ERROR,
         "List-Unsubscribe has 0 https links and needs one"),
        (signed(mail(List_Unsubscribe_Post="One-Click")), State.ERROR,
         "List-Unsubscribe-Post is not List-Unsubscribe=One-Click"),
        (signed(mail(List_Unsubscribe_Post=None)), State.ERROR,
         "List-Unsubscribe-Post is not List-Unsubscribe=One-Click"),
        (signed(mail(List_Unsubscribe=f"<mailto:l@example.org>,\r\n <{PAGE}>")), State.WARNING,
         "the https link of List-Unsubscribe is not on its first line; some read no further"),
        (signed(mail(List_Id=None)), State.WARNING, "no List-Id, by which readers sort and providers know a list"),
        (signed(mail(Message_ID=None)), State.ERROR, "no Message-Id"),
        (signed(mail(Subject="a\r\nSubject: b")), State.ERROR, "more than one Subject"),
        (signed(mail(Received="from a by b with ESMTP id 1")), State.WARNING,
         "the last server does not say that it took it over TLS"),
        (signed(mail(Received="by b with ESMTPS id 1")), State.UNKNOWN,
         "no Received line tells of a way over a network"),
        (signed(mail(b"x" * 76 + b"\r\n" + b"y" * 204_800)), State.WARNING, "206 kB; Gmail cuts the HTML above 100 KB"),
        (signed(mail(Authentication_Results=None)), State.UNKNOWN, "the server that took it says nothing"),
        (signed(mail(Authentication_Results="mx.example.net; dkim=pass; dmarc=pass")), State.UNKNOWN,
         "mx.example.net says nothing of spf"),
        (signed(mail(Authentication_Results="mx.example.net 1; dkim=pass; dmarc=fail; spf=softfail")), State.ERROR,
         "mx.example.net: dmarc is fail"),
        (signed(mail(Authentication_Results="mx.example.net; dkim=pass; dmarc=pass; spf=softfail")), State.WARNING,
         "mx.example.net: spf is softfail"),
        (signed(mail(Authentication_Results="mx.example.net; spf=pass smtp.mailfrom=b@other.net")), State.WARNING,
         "the envelope is of other.net, which does not speak for example.org"),
    ],
)  # fmt: skip
def test_what_a_mail_lacks(data: bytes, state: State, words: str) -> None:
    assert words in told(judged(data), state)


@pytest.mark.parametrize(
    "received",
    [
        "from a (a [192.0.2.1]) by mx.google.com with ESMTPS id x (version=TLS1_3 cipher=y bits=256/256)",
        "from A (192.0.2.1) by B (192.0.2.2) with Microsoft SMTP Server (version=TLS1_2, cipher=X) id 15",
        "from a (a [192.0.2.1]) (using TLSv1.3 with cipher X) by b (Postfix) with ESMTP id 1",
        "from a by b with UTF8SMTPSA id 1",
        "from a by b with ESMTPSA id 1",
    ],
)
def test_encryption_is_read_as_servers_write_it(received: str) -> None:
    assert "the last server took it over TLS" in told(judged(signed(mail(Received=received))), State.OK)


def test_the_step_within_the_receiving_house_is_not_the_last_one() -> None:
    inner = "from mx by box with LMTP id 2\r\nReceived: from a by mx with ESMTPS id 1"
    assert "the last server took it over TLS" in told(judged(signed(mail(Received=inner))), State.OK)


def test_only_the_topmost_results_are_believed() -> None:
    lies = "mx.example.net; dmarc=fail; dkim=fail; spf=fail\r\nAuthentication-Results: liar.example; dmarc=pass"
    assert "mx.example.net: dmarc is fail" in told(judged(signed(mail(Authentication_Results=lies))), State.ERROR)


def test_a_comment_is_no_result() -> None:
    text = "mx.example.net; spf=none (dkim=pass dmarc=pass) smtp.mailfrom=x@example.org"
    assert "mx.example.net says nothing of dkim" in told(
        judged(signed(mail(Authentication_Results=text))), State.UNKNOWN
    )


def test_without_a_network_the_key_is_not_known_and_the_policy_is_not_judged() -> None:
    found = judge_message(signed(mail()), None, NOW)
    assert told(found, State.UNKNOWN) == ["the signature of example.org (s1) fits the text; its key was not asked for"]
    assert not told(found, State.ERROR) and not [verdict for verdict in found if verdict.area == "dmarc"]


def test_a_short_key_is_told() -> None:
    found = judged(signed(mail(), key=rsa_key(1024)), keys(rsa_key(1024)[1]))
    assert told(found, State.WARNING) == ["the signature of example.org (s1): 1024 bits are few"]


def test_a_strict_policy_wants_the_very_domain() -> None:
    ask = zone(
        {
            "s1._domainkey.mail.example.org TXT": ed_key()[1],
            "_dmarc.example.org TXT": "v=DMARC1; p=none; adkim=s; rua=mailto:d@example.org",
        }
    )
    data = signed(mail(), domain=b"mail.example.org")
    assert "no signature that holds speaks for example.org" in told(judged(data, ask), State.ERROR)
    assert not told(judged(data, keys(domain="mail.example.org")), State.ERROR)


def test_nobody_is_named() -> None:
    words = " ".join(f"{verdict.words} {verdict.advice} {verdict.record}" for verdict in judged(signed(mail())))
    assert "amal" not in words and "AbCdEf" not in words and "@" not in words


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"no mail", b":\n:\n", b"From: a@b.example", b"DKIM-Signature:\n"])
def test_anything_else_is_read_as_well(data: bytes) -> None:
    assert judge_message(data, keys(), NOW)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_our_own_signatures_hold_with_the_record_that_the_doctor_gives(tmp_path: Path, kind: str) -> None:
    private = rsa.generate_private_key(65537, 2048) if kind == "rsa" else Ed25519PrivateKey.generate()
    file = tmp_path / "dkim.pem"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    signer = DkimSigner([load_key(file, "example.org", "s1")])
    data = signer.headers(mail(), NOW) + mail()
    assert {verdict.state for verdict in judged(data, keys(public_text(file)))} == {State.OK}
