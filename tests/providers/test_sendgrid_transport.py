"""What the official SDK does that must not happen, shown on the SDK itself, and that our connections do not."""

from __future__ import annotations

import datetime
import http.client
import logging
import ssl
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from python_http_client.exceptions import HTTPError, PayloadTooLargeError
from sendgrid import SendGridAPIClient

from mailer.errors import ConfigError, ProviderError
from mailer.model import Outcome
from mailer.providers.sendgrid.key import api_key
from mailer.providers.sendgrid.transport import PooledClient, Unanswered, Unreached, answer_of, make_client
from tests.providers.sendgrid_merges import KEY, batch, provider
from tests.providers.sendgrid_site import Says, Site, error, running

HTML = b"<html><body>413 Request Entity Too Large</body></html>"


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as made:
        yield made


def sdk(site: Site) -> Any:
    """The client as it is published."""
    return SendGridAPIClient(KEY, host=site.url).client


def ours(site: Site, seconds: float = 3) -> Any:
    return make_client(KEY, "global", site.url, seconds)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def test_the_key_and_the_people_are_never_logged(site: Site, log: pytest.LogCaptureFixture) -> None:
    site.plan.append(Says(202, b"{}"))
    sdk(site).mail.send.post(request_body={"personalizations": [], "who": "ann@example.net"})
    assert KEY in log.text
    assert "ann@example.net" in log.text
    log.clear()
    with pytest.raises(HTTPError):
        ours(site).mail.send.post(request_body=b'{"who": "ann@example.net"}')
    provider(site.url).submit(batch(1))
    assert KEY not in log.text
    assert "ann@example.net" not in log.text
    assert "reader1" not in log.text


def test_a_redirect_is_not_followed_with_the_key(site: Site) -> None:
    moved = Says(302, headers={"Location": "/v3/scopes"})
    site.plan.append(moved)
    assert sdk(site).mail.send.post(request_body={}).status_code == 200, "a success, it says"
    assert [(each.method, "Authorization" in each.headers) for each in site.asked] == [("POST", True), ("GET", True)]
    site.asked.clear()
    site.plan.append(moved)
    assert answer_of(ours(site).mail.send.post, request_body=b"{}").status == 302
    assert [each.method for each in site.asked] == ["POST"]


def test_headers_of_one_call_are_not_those_of_the_next(site: Site) -> None:
    for client, kept in ((sdk(site), True), (ours(site), False)):
        site.asked.clear()
        client.scopes.get(request_headers={"On-Behalf-Of": "somebody"})
        client.scopes.get()
        assert [("On-Behalf-Of" in each.headers) for each in site.asked] == [True, kept]


def test_an_answer_in_html_is_an_answer(site: Site) -> None:
    site.plan += [Says(413, HTML), Says(413, HTML)]
    with pytest.raises(PayloadTooLargeError) as caught:
        sdk(site).mail.send.post(request_body={})
    with pytest.raises(ValueError, match="Expecting value"):
        _ = caught.value.to_dict
    answer = answer_of(ours(site).mail.send.post, request_body=b"{}")
    assert (answer.status, answer.body) == (413, HTML)


def test_without_a_key_nothing_is_sent(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENDGRID_API_KEY", raising=False)
    SendGridAPIClient(None, host=site.url).client.scopes.get()
    assert site.asked[0].headers["Authorization"] == "Bearer None"
    for empty in ("", "  \n"):
        with pytest.raises(ConfigError, match="sendgrid needs an API key"):
            api_key(empty, None)


def test_every_call_has_an_end(site: Site) -> None:
    assert sdk(site).timeout is None
    site.plan.append(Says(wait=1.5))
    begun = time.monotonic()
    with pytest.raises(Unanswered, match="no answer in time"):
        ours(site, seconds=0.5).mail.send.post(request_body=b"{}")
    assert time.monotonic() - begun < 1.4


def test_one_family_of_errors_for_broken_connections(site: Site) -> None:
    site.plan += [Says(drop="after"), Says(drop="after")]
    with pytest.raises((http.client.RemoteDisconnected, urllib.error.URLError, ConnectionError)):
        sdk(site).mail.send.post(request_body={})
    with pytest.raises(Unanswered):
        ours(site).mail.send.post(request_body=b"{}")


def test_a_connection_that_was_closed_meanwhile_is_opened_again(site: Site) -> None:
    client = ours(site)
    client.scopes.get()
    site.plan.append(Says(drop="after"))
    with pytest.raises(Unanswered):
        client.mail.send.post(request_body=b"{}")
    client.scopes.get()
    assert len(site.asked) == 3, "no call was made twice"


def test_a_reading_call_that_breaks_off_is_no_doubt(site: Site) -> None:
    site.scopes = Says(drop="after")
    with pytest.raises(Unreached):
        ours(site).scopes.get()


def test_paths_and_queries_are_the_sdks(site: Site) -> None:
    client = ours(site)
    for call in (client.suppression.bounces.get, client.suppression.bounces._("a").get):
        with pytest.raises(HTTPError) as caught:
            call(query_params={"limit": 500, "offset": 1})
        assert caught.value.status_code == 404
    assert [each.path for each in site.asked] == [
        "/v3/suppression/bounces?limit=500&offset=1",
        "/v3/suppression/bounces/a?limit=500&offset=1",
    ]
    assert site.asked[0].headers["User-Agent"].startswith("sendgrid/")


@pytest.mark.parametrize(
    ("region", "host"), [("global", "https://api.sendgrid.com"), ("eu", "https://api.eu.sendgrid.com")]
)
def test_the_region_is_the_host(region: str, host: str) -> None:
    client = make_client(KEY, region, "", 5)
    assert isinstance(client, PooledClient)
    assert client.mail.send._build_url(None) == f"{host}/v3/mail/send"
    assert client.request_headers["Authorization"] == f"Bearer {KEY}"


def test_the_sdk_is_imported_when_it_is_needed() -> None:
    program = (
        "import sys\nfrom mailer.providers.sendgrid.provider import SendGrid\n"
        "from mailer.providers.sendgrid.request import Options\n"
        "made = SendGrid(lambda: 'SG.x', Options(), seconds=5)\nmade.close()\n"
        "print(*(m for m in ('sendgrid', 'urllib3', 'python_http_client') if m in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# TLS.


def certificate(folder: Path, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cadata=public.decode())


def test_a_certificate_that_nobody_vouches_for_stops_the_run(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path)
    with running(server) as site, pytest.raises(ProviderError, match="certificate is not to be trusted"):
        provider(site.url).submit(batch(1))
    assert site.asked == []


def test_a_certificate_for_another_host_stops_the_run(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "127.0.0.2")
    with running(server) as site:
        sendgrid = provider(site.url)
        sendgrid._client = make_client(KEY, "global", site.url, 5, client)
        with pytest.raises(ProviderError, match="certificate is not to be trusted"):
            sendgrid.submit(batch(1))
    assert site.asked == []


def test_certificates_are_read_once_and_the_connection_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, client = certificate(tmp_path)
    made: list[ssl.SSLContext] = []

    def once() -> ssl.SSLContext:
        made.append(client)
        return client

    with running(server) as site:
        monkeypatch.setattr(ssl, "create_default_context", once)
        sendgrid = provider(site.url)
        for number in range(4):
            (receipt,) = sendgrid.submit(batch(number))
            assert receipt.outcome is Outcome.ACCEPTED
        sendgrid.close()
        assert (len(made), site.connections) == (1, 1)


def test_a_host_that_speaks_no_tls_was_sent_nothing(site: Site) -> None:
    sendgrid = provider(site.url.replace("http:", "https:"))
    (receipt,) = sendgrid.submit(batch(1))
    assert receipt.outcome is Outcome.NOT_SENT
    assert site.asked == []


# The key's file.


@pytest.mark.parametrize("text", [KEY, f"  {KEY}\n"])
def test_a_key_in_a_private_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    assert api_key("", file) == KEY
    assert api_key("SG.other", file) == "SG.other", "the environment wins"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(mode)
    with pytest.raises(ConfigError, match="other people can read") as caught:
        api_key("", file)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("text", ["", "two words", f"{KEY}\n{KEY}", "SG.å", "x" * 600])
def test_what_is_no_key_is_refused_without_repeating_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no API key") as caught:
        api_key("", file)
    assert not text or text not in str(caught.value)


def test_a_missing_key_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        api_key("", tmp_path / "none")


def test_an_error_of_the_stand_in_reads_as_one(site: Site) -> None:
    site.plan.append(Says(400, error("Bad Request")))
    answer = answer_of(ours(site).mail.send.post, request_body=b"{}")
    assert answer.headers["content-length"] == str(len(answer.body))
