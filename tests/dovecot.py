"""A real IMAP server for tests: Dovecot over a Maildir, for one user.

It runs under whoever runs the tests. For root it gives its processes away, as no mail may be read as root.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.prism import free_port

USER, PASSWORD = "bounces@example.org", 'a "secret" pass\\word'

CONFIG = """
protocols = imap
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/log
listen = 127.0.0.1
ssl = required
ssl_cert = <{base}/cert.pem
ssl_key = <{base}/cert.pem
ssl_dh =
disable_plaintext_auth = yes
auth_mechanisms = {mechanisms}
auth_username_format = %Lu
mail_location = maildir:{mail}:LAYOUT=fs
default_internal_user = {owner}
default_internal_group = {group}
default_login_user = {owner}
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = never
imap_capability = {capability}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {base}/users
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={mail}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {secure}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A running server."""

    mail: Path
    plain: int
    secure: int
    owner: pwd.struct_passwd

    def deliver(self, *mails: bytes) -> None:
        """Put mails into the inbox, as a mail server does."""
        for number, data in enumerate(mails):
            name = f"{time.time_ns()}.M{number}P{os.getpid()}.host"
            self._own(self.mail / "tmp" / name, data).rename(self.mail / "new" / name)

    def _own(self, path: Path, data: bytes) -> Path:
        path.write_bytes(data)
        if os.getuid() == 0:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)
        return path

    def flags(self, folder: str = "") -> list[str]:
        """The flags of each mail that is in a folder."""
        files = [file for name in ("new", "cur") for file in (self.mail / folder / name).glob("[0-9]*")]
        return sorted(file.name.partition(":2,")[2] for file in files)


@contextmanager
def dovecot(folder: Path, certificate: Path, *, mechanisms: str = "plain", can: str = "") -> Iterator[Dovecot]:
    """A server over an empty mailbox; `certificate` has its key as well. `can`: what it says of itself, if not all."""
    program = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("dovecot is not installed (Debian: apt-get install dovecot-imapd)")
    owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    group = grp.getgrgid(owner.pw_gid).gr_name
    mail, plain, secure = folder / "mail", free_port(), free_port()
    for name in ("new", "cur", "tmp"):
        (mail / name).mkdir(parents=True)
    shutil.copy(certificate, folder / "cert.pem")
    escaped = PASSWORD.replace(":", "\\:")
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{escaped}\n")
    terms = {"mechanisms": mechanisms, "capability": can, "plain": plain, "secure": secure}
    config = CONFIG.format(base=folder, mail=mail, owner=owner.pw_name, group=group, **terms)
    (folder / "dovecot.conf").write_text(config)
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    process = subprocess.Popen(
        [program, "-F", "-c", str(folder / "dovecot.conf")], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(process, plain, folder / "log")
        yield Dovecot(mail, plain, secure, owner)
    finally:
        process.terminate()
        process.wait(10)


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                if connection.recv(100).startswith(b"* OK"):
                    return
        except OSError:
            time.sleep(0.05)
    told = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    raise RuntimeError(f"dovecot did not start: {told}")
