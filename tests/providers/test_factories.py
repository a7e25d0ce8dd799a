"""Providers by name, and what naming one costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mailer.config import load_settings
from mailer.errors import ConfigError
from mailer.model import Batch, Envelope
from mailer.providers import FACTORIES, Provider, make_provider

SETTINGS = """
[organisation]
name = "River Watch"
postal_address = "1 Quay Street, Oslo"
contact = "office@example.org"
"""


def provider(folder: Path, section: str) -> Provider:
    (folder / "mailer.toml").write_text(SETTINGS + section, encoding="utf-8")
    return make_provider(load_settings(folder / "mailer.toml", {}), folder)


@pytest.mark.parametrize(
    ("section", "folder"), [("", "outbox"), ('[provider]\nname = "outbox"\npath = "out/mails"', "out/mails")]
)
def test_the_outbox_is_the_default_and_in_the_workspace(tmp_path: Path, section: str, folder: str) -> None:
    made = provider(tmp_path, section)
    assert made.name == "outbox"
    made.submit(Batch(1, "issue", 1, (Envelope(7, "a@example.org", "b@example.org", b"To: b\r\n\r\n"),)))
    assert (tmp_path / folder / "issue" / "new" / "000007.eml").is_file()


@pytest.mark.parametrize("path", ["..", "../elsewhere", "/var/tmp/elsewhere", ".", "a/../..", "link"])  # noqa: S108
def test_an_outbox_outside_the_workspace_is_refused(tmp_path: Path, path: str) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "link").symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="inside the workspace"):
        provider(workspace, f'[provider]\npath = "{path}"')


def test_an_unknown_provider_is_named_with_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'unknown provider "outbx": did you mean "outbox"\?'):
        provider(tmp_path, '[provider]\nname = "outbx"')


def test_the_table_imports_no_provider_until_it_is_wanted() -> None:
    program = (
        "import sys, mailer.providers as p; assert p.FACTORIES; "
        "print(*(m for m in sys.modules if m.startswith('mailer.providers.') or m in "
        "('pydantic', 'sendgrid', 'smtplib', 'urllib3', 'email.message')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["mailer.providers.protocol"]
    assert "outbox" in FACTORIES
