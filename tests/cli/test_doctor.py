"""`mailer doctor` over real name servers, mail servers and web servers on this machine."""

from __future__ import annotations

import json
import os
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.cli.conftest import SETTINGS, Program, Run, Site
from tests.nameserver import NameServer, Zone, name_server
from tests.providers.smtp_server import MailServer, listening

posix = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")
KEY = Ed25519PrivateKey.generate()
RECORD = "v=DKIM1; k=ed25519; p=" + b64encode(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
ZONE: Zone = {
    ("example.org", "MX"): ("10 mail.example.org.",),
    ("mail.example.org", "A"): ("192.0.2.1",),
    ("example.org", "TXT"): ('"v=spf1 mx -all"',),
    ("s1._domainkey.example.org", "TXT"): (f'"{RECORD}"',),
    ("_dmarc.example.org", "TXT"): ('"v=DMARC1; p=none; rua=mailto:d@example.org"',),
}
SMTP = """
[provider]
name = "smtp"
host = "127.0.0.1"
port = {port}
tls = "none"
timeout = 2
[[provider.dkim]]
domain = "example.org"
selector = "s1"
key = "dkim.pem"
"""


@pytest.fixture
def names() -> Iterator[NameServer]:
    with name_server(ZONE) as server:
        yield server


def of_area(run: Run, area: str) -> list[tuple[str, str]]:
    return [(each["state"], each["words"]) for each in run.json["verdicts"] if each["area"] == area]


def advised(run: Run, area: str) -> list[str]:
    return [each["advice"] for each in run.json["verdicts"] if each["area"] == area]


def by_smtp(mailer: Program, port: int, more: str = "") -> None:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    mailer.write("dkim.pem", pem).chmod(0o600)
    mailer.add_settings(SMTP.format(port=port) + more)


def test_a_new_workspace_is_in_order_and_nothing_is_made(fresh: Program) -> None:
    fresh.write("mailer.toml", SETTINGS.replace("example.org", "rivers.example"))
    before = sorted(fresh.root.rglob("*"))
    run = fresh.done("doctor")
    assert "ok     configuration  mailer.toml is in order: 1 sender, 2 lists" in run.out
    assert "?      database" in run.out and "0 errors, 0 warnings" in run.out
    assert sorted(fresh.root.rglob("*")) == before


def test_every_mistake_of_the_settings_is_told(mailer: Program) -> None:
    mailer.add_settings("[limits]\nmax_rate = 0\nnonsense = 1\n")
    run = mailer("doctor", "--json")
    assert run.code == 1
    assert [state for state, _ in of_area(run, "configuration")] == ["error", "error"]
    assert "nonsense" in run.out and "2 things to mend before sending is in order" in run.err


def test_all_is_well_with_a_mail_server_and_its_records(mailer: Program, names: NameServer) -> None:
    with listening(MailServer()) as server:
        by_smtp(mailer, server.port)
        run = mailer("doctor", "--dns", names.address, "--json")
    assert not [each for each in run.json["verdicts"] if each["state"] == "error"], run.out
    assert of_area(run, "provider") == [("ok", "smtp: connected")]
    assert of_area(run, "dkim") == [("ok", "s1._domainkey.example.org: Ed25519")]
    assert of_area(run, "alignment") == [("ok", "example.org: signed by example.org, which speaks for it")]
    assert of_area(run, "mx") == [("ok", "example.org: 1 mail server")]
    assert of_area(run, "database")[1] == ("ok", "it is whole")
    assert server.taken == [] and not [line for line in server.said if line.startswith("MAIL")]
    assert (run.code, run.json["state"]) == (0, "warning")


def test_the_record_of_our_own_key_is_given_to_copy(mailer: Program) -> None:
    zone = {key: value for key, value in ZONE.items() if "_domainkey" not in key[0]}
    with listening(MailServer()) as server, name_server(zone) as names:
        by_smtp(mailer, server.port)
        run = mailer("doctor", "--dns", names.address)
    assert run.code == 1
    assert "ERROR  dkim           s1._domainkey.example.org is not there" in run.out
    assert f'                      s1._domainkey.example.org. IN TXT "{RECORD}"\n' in run.out
    assert run.err == "error: 1 thing to mend before sending is in order\n"


def test_a_mail_server_that_is_away_is_an_error_and_the_rest_is_told(mailer: Program, names: NameServer) -> None:
    with listening(MailServer()) as server:
        port = server.port
    by_smtp(mailer, port)
    run = mailer("doctor", "--dns", names.address, "--json")
    ((state, words),) = of_area(run, "provider")
    assert state == "error" and "cannot be reached" in words
    assert of_area(run, "dmarc")[0][0] == "ok"


def test_offline_asks_nobody(mailer: Program, names: NameServer) -> None:
    with listening(MailServer()) as server:
        by_smtp(mailer, server.port)
        run = mailer("doctor", "--offline", "--dns", names.address, "--json")
    assert (server.connections, names.asked) == (0, [])
    assert {each["area"] for each in run.json["verdicts"]} == {
        "configuration", "files", "keys", "database", "backup", "disk", "queue",
    }  # fmt: skip


def test_a_name_server_is_an_address(mailer: Program) -> None:
    assert mailer("doctor", "--dns", "dns.example.org").code == 2


@posix
def test_files_that_others_can_read_are_named(mailer: Program) -> None:
    (mailer.root / "mailer.db").chmod(0o644)
    mailer.write(".mailer/secret.key", "k" * 64 + "\n").chmod(0o640)
    (mailer.root / ".mailer").chmod(0o755)
    run = mailer("doctor", "--json")
    assert run.code == 1
    root = mailer.root.resolve()
    # While another examination has the database open, its journal is there too, with the same mode.
    journal = str(root / "mailer.db-wal")
    assert [words for state, words in of_area(run, "files") if state == "error" and not words.endswith(journal)] == [
        f"others can read {root / '.mailer'}",
        f"others can read {root / '.mailer/secret.key'}",
        f"others can read {root / 'mailer.db'}",
    ]
    assert [each for each in advised(run, "files") if not each.endswith(journal)] == [
        f"chmod 700 {root / '.mailer'}", f"chmod 600 {root / '.mailer/secret.key'}", f"chmod 600 {root / 'mailer.db'}",
    ]  # fmt: skip
    assert "k" * 64 not in run.out


@pytest.mark.parametrize(("days", "state"), [(3 * 365 + 1, "warning"), (3 * 365 - 1, "ok")])
def test_an_old_key_is_told(mailer: Program, days: int, state: str) -> None:
    made = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    mailer.write(".mailer/secret.key", f"{'k' * 64} {made}\n").chmod(0o600)
    assert [each for each, _ in of_area(mailer("doctor", "--json"), "keys")] == [state]


@pytest.mark.parametrize(("days", "state"), [(0, "ok"), (7, "ok"), (8, "warning"), (None, "warning")])
def test_the_age_of_the_last_copy(mailer: Program, days: int | None, state: str) -> None:
    if days is not None:
        copy = mailer.write(".mailer/backups/a.db", "x")
        copy.chmod(0o600)
        at = time.time() - days * 86_400 - 60
        os.utime(copy, (at, at))
    assert [each for each, _ in of_area(mailer("doctor", "--json"), "backup")] == [state]


def test_a_damaged_database_is_told_without_what_is_in_it(mailer: Program) -> None:
    file = mailer.root / "mailer.db"
    data = bytearray(file.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    file.write_bytes(data)
    run = mailer("doctor", "--json")
    assert run.code == 1
    assert any(state == "error" and "damaged" in words for state, words in of_area(run, "database")), run.out


def test_a_lost_database_is_an_error(mailer: Program) -> None:
    mailer.done("issues", "list")
    (mailer.root / "mailer.db").unlink()
    run = mailer("doctor", "--json")
    assert run.code == 1
    assert [words for _, words in of_area(run, "database")] == [f"{mailer.root.resolve() / 'mailer.db'} is missing"]


# SendGrid

SENDGRID = """
[provider]
name = "sendgrid"
base_url = "{url}"
timeout = 5
"""
DOMAINS = [
    {
        "id": 1, "domain": "example.org", "subdomain": "em1", "automatic_security": True, "valid": False,
        "dns": {
            "mail_cname": {"valid": True, "type": "cname", "host": "em1.example.org", "data": "u1.wl.sendgrid.net"},
            "dkim1": {"valid": True, "type": "cname", "host": "s1._domainkey.example.org",
                      "data": "s1.domainkey.u1.wl.sendgrid.net"},
            "dkim2": {"valid": False, "type": "cname", "host": "s2._domainkey.example.org",
                      "data": "s2.domainkey.u1.wl.sendgrid.net"},
        },
    },
    {"id": 2, "domain": "other.example", "subdomain": None, "dns": None},
    "nonsense",
]  # fmt: skip
SENDGRID_ZONE: Zone = {
    **{key: value for key, value in ZONE.items() if "_domainkey" not in key[0]},
    ("em1.example.org", "CNAME"): ("u1.wl.sendgrid.net.",),
    ("em1.example.org", "TXT"): ('"v=spf1 ip4:192.0.2.0/24 -all"',),
    ("s1._domainkey.example.org", "CNAME"): ("s1.domainkey.u1.wl.sendgrid.net.",),
}


@pytest.fixture
def sendgrid(mailer: Program, site: Site, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.made.up")
    mailer.add_settings(SENDGRID.format(url=site.url))
    site.answer("/v3/scopes", 200, json.dumps({"scopes": ["mail.send"]}))
    site.answer("/v3/whitelabel/domains?limit=50", 200, json.dumps(DOMAINS))
    return mailer


def asked(sendgrid: Program, zone: Zone = SENDGRID_ZONE) -> Run:
    with name_server(zone) as names:
        return sendgrid("doctor", "--dns", names.address, "--json")


def records(run: Run) -> list[Any]:
    return [each["record"] for each in run.json["verdicts"] if each["record"]]


def test_the_records_that_sendgrid_wants_are_looked_for(sendgrid: Program) -> None:
    run = asked(sendgrid)
    assert of_area(run, "provider") == [("ok", "sendgrid: the key may send")]
    assert of_area(run, "dkim") == [("error", "s2._domainkey.example.org is not as the provider wants it")]
    assert records(run) == ["s2._domainkey.example.org. IN CNAME s2.domainkey.u1.wl.sendgrid.net."]
    assert of_area(run, "spf") == [("ok", "em1.example.org: 0 questions of 10, ends with -all")]
    assert of_area(run, "alignment") == [("ok", "example.org: signed by example.org, which speaks for it")]
    assert "SG.made.up" not in run.out + run.err


def test_a_key_that_may_not_send_or_not_read_is_told(sendgrid: Program, site: Site) -> None:
    site.answer("/v3/scopes", 200, json.dumps({"scopes": ["user.profile.read"]}))
    site.answer("/v3/whitelabel/domains?limit=50", 403, "{}")
    run = asked(sendgrid)
    assert of_area(run, "provider") == [("error", "sendgrid: the API key lacks the scope mail.send")]
    assert of_area(run, "dkim") == [("unknown", "sendgrid: the API key may not read for which domains it sends")]
    assert of_area(run, "spf")[0][0] == "unknown"


@pytest.mark.parametrize("body", ["[]", json.dumps(DOMAINS[1:])])
def test_a_domain_that_sendgrid_does_not_know_is_an_error(sendgrid: Program, site: Site, body: str) -> None:
    site.answer("/v3/whitelabel/domains?limit=50", 200, body)
    told = of_area(asked(sendgrid), "dkim")
    assert told == [("error", "SendGrid has not authenticated example.org, and signs with its own name instead")]


@pytest.mark.parametrize(("status", "body"), [(500, "x"), (200, "x"), (200, "{}")])
def test_an_answer_that_is_none_is_not_known(sendgrid: Program, site: Site, status: int, body: str) -> None:
    site.answer("/v3/whitelabel/domains?limit=50", status, body)
    ((state, words),) = of_area(asked(sendgrid), "dkim")
    assert state == "unknown" and f"it answers {status}" in words


def test_the_domain_above_speaks_for_the_one_below(sendgrid: Program) -> None:
    text = (sendgrid.root / "mailer.toml").read_text(encoding="utf-8")
    sendgrid.write("mailer.toml", text.replace("news@example.org", "office@news.example.org"))
    zone = {**SENDGRID_ZONE, ("news.example.org", "MX"): ("10 mail.example.org.",)}
    assert of_area(asked(sendgrid, zone), "alignment") == [
        ("ok", "news.example.org: signed by example.org, which speaks for it")
    ]


def test_reports_that_nobody_can_believe_are_told(sendgrid: Program) -> None:
    assert of_area(asked(sendgrid), "events") == [
        ("warning", "no verification key is set, so that no report of SendGrid is believed"),
        ("unknown", "nothing was sent yet, so that nothing was reported"),
    ]


KEYLESS = ("error", "sendgrid needs an API key")


def test_a_missing_key_is_told_once_and_the_domain_is_looked_at_all_the_same(
    sendgrid: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SENDGRID_API_KEY")
    run = asked(sendgrid)
    assert of_area(run, "provider") == [KEYLESS]
    assert [each["words"] for each in run.json["verdicts"]].count(KEYLESS[1]) == 1
    (advice,) = advised(run, "provider")
    assert advice.startswith("Set SENDGRID_API_KEY, or key_file under [provider]")
    assert of_area(run, "mx") == [("ok", "example.org: 1 mail server")]
    assert of_area(run, "dkim") == []
    assert "1 thing to mend" in run.err


def test_a_missing_key_is_told_offline_too(
    sendgrid: Program, site: Site, names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline = ("doctor", "--offline", "--json")
    assert of_area(sendgrid(*offline), "provider") == [("ok", "sendgrid: a key is there")]
    monkeypatch.delenv("SENDGRID_API_KEY")
    run = sendgrid(*offline)
    assert (run.code, of_area(run, "provider")) == (1, [KEYLESS])
    assert advised(run, "provider")[0].startswith("Set SENDGRID_API_KEY")
    sendgrid.write("mailer.toml", (sendgrid.root / "mailer.toml").read_text() + 'key_file = "sendgrid.key"\n')
    run = sendgrid(*offline)
    assert "cannot be read: No such file" in of_area(run, "provider")[0][1] and advised(run, "provider") != [""]
    assert site.requests == []


def test_what_is_wrong_with_a_mail_server_of_the_settings_is_told_once(mailer: Program, names: NameServer) -> None:
    mailer.add_settings('[provider]\nname = "smtp"\n')
    run = mailer("doctor", "--dns", names.address, "--json")
    assert [each["words"] for each in run.json["verdicts"]].count("smtp needs the mail server's name") == 1
    assert of_area(run, "mx") == [("ok", "example.org: 1 mail server")]


HOOKS = "/v3/user/webhooks/event/settings/all"
VERIFIES = b64encode(
    generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
HOOK = {
    "id": "one", "enabled": True, "url": "https://hook:secret@127.0.0.1:9/webhooks/sendgrid", "public_key": VERIFIES,
    **dict.fromkeys(("delivered", "deferred", "bounce", "dropped", "spam_report", "unsubscribe"), True),
}  # fmt: skip


@pytest.fixture
def hooked(sendgrid: Program, site: Site) -> Program:
    """With pages of its own, where nobody answers, and a webhook that posts there."""
    text = (sendgrid.root / "mailer.toml").read_text(encoding="utf-8")
    sendgrid.write("mailer.toml", f'{text}webhook_keys = ["{VERIFIES}"]\n[web]\nbase_url = "https://127.0.0.1:9/"\n')
    site.answer(HOOKS, 200, json.dumps({"max_allowed": 5, "webhooks": [HOOK]}))
    return sendgrid


def test_the_webhook_posts_here_with_the_key_that_is_believed(hooked: Program, site: Site) -> None:
    run = asked(hooked)
    assert of_area(run, "events")[1:] == [
        ("ok", "the Event Webhook is on, posts here, and signs with a key that is believed")
    ]
    assert "hook:secret" not in run.out + run.err
    hooked("doctor", "--offline")
    assert [path for path, _ in site.requests].count(HOOKS) == 1


def test_a_webhook_that_signs_with_another_key_is_told_with_the_line_to_copy(hooked: Program, site: Site) -> None:
    site.answer(HOOKS, 200, json.dumps({"webhooks": [{**HOOK, "public_key": "MFkwOther"}]}))
    run = asked(hooked)
    assert of_area(run, "events")[1:] == [
        ("warning", "the Event Webhook signs with a key that webhook_keys does not have")
    ]
    assert 'webhook_keys = ["MFkwOther"] under [provider]' in advised(run, "events")


def test_a_key_that_may_not_read_the_webhook_is_a_note(hooked: Program, site: Site) -> None:
    site.answer(HOOKS, 403, json.dumps({"errors": [{"message": "access forbidden"}]}))
    run = asked(hooked)
    assert of_area(run, "events")[1:] == [("unknown", "sendgrid: the API key may not read where events are posted")]
    assert "user.webhooks.event.settings.read" in advised(run, "events")[1]


# A mail that arrived

MAIL = b"From: news@example.org\r\nTo: amal@example.net\r\nSubject: Hello\r\n\r\nText\r\n"


def test_a_mail_is_read_from_a_file_or_a_pipe_without_a_workspace(mailer: Program, tmp_path: Path) -> None:
    file = tmp_path / "mail.eml"
    file.write_bytes(MAIL)
    with name_server(ZONE) as names:
        run = mailer("doctor", "message", str(file), "--dns", names.address)
    piped = mailer("doctor", "message", "-", "--offline", "--json", stdin=MAIL)
    assert run.code == piped.code == 1
    assert "ERROR  dkim                    nobody signed it (DKIM)" in run.out
    assert ["error", "nobody signed it (DKIM)"] in [[each["state"], each["words"]] for each in piped.json["verdicts"]]
    assert "amal" not in run.out + run.err + piped.out
    assert run.err.startswith("error: ") and "before the mail is in order" in run.err


def test_a_mail_that_is_not_there_is_one_line(mailer: Program) -> None:
    run = mailer("doctor", "message", "nothing.eml")
    assert (run.code, run.err.count("\n")) == (1, 1)
