"""The keys that sign links: read, rotated and given up, without ever losing one or showing one."""

from __future__ import annotations

import stat
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer.errors import ConfigError
from mailer.render.links import LinkTarget, Purpose, Signer
from mailer.workspace.signing import SecretKey, changing, keys_of, new_key, secret_keys, write_keys

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ONE, TWO = b"1" * 40, b"2" * 40
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".mailer" / "secret.key"


def written(file: Path, text: str) -> Path:
    file.parent.mkdir()
    file.touch(0o600)
    file.write_text(text)
    return file


def test_a_file_of_several_keys_newest_first(file: Path) -> None:
    written(file, f"{TWO.decode()} 2026-11-22T10:00:00+01:00\n\n{ONE.decode()}\r\n")
    assert keys_of(file, {}) == (SecretKey(TWO, NOW), SecretKey(ONE))
    assert secret_keys(file, {}) == (TWO, ONE)


def test_what_is_written_is_read(file: Path) -> None:
    written(file, "x" * 32)
    keys = (new_key(NOW), SecretKey(ONE), SecretKey(TWO, NOW))
    write_keys(file, keys)
    assert keys_of(file, {}) == keys


@pytest.mark.parametrize(
    "told", [f"{TWO.decode()} {ONE.decode()}", f"\n{TWO.decode()}\n{ONE.decode()}\n", f"{TWO.decode()}\t{ONE.decode()}"]
)
def test_the_environment_may_hold_several(file: Path, told: str) -> None:
    assert secret_keys(file, {"MAILER_SECRET_KEY": told}) == (TWO, ONE)
    assert not file.exists()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{ONE.decode()}\nshort\n", 2),
        (f"{ONE.decode()} yesterday\n", 1),
        (f"{ONE.decode()} 2026-11-22T10:00:00\n", 1),
        (f"{ONE.decode()} 2026-11-22T10:00:00+00:00 more\n", 1),
    ],
)
def test_a_line_that_is_no_key_is_named_without_it(file: Path, text: str, line: int) -> None:
    with pytest.raises(ConfigError) as caught:
        keys_of(written(file, text), {})
    assert f"secret.key:{line}: " in caught.value.message
    assert ONE.decode() not in str(caught.value) and "short" not in str(caught.value)


def test_an_empty_file_is_no_reason_to_make_a_new_key(file: Path) -> None:
    with pytest.raises(ConfigError, match="holds no key"):
        keys_of(written(file, "\n"), {})


def test_a_key_is_not_printed() -> None:
    key = SecretKey(ONE, NOW)
    assert ONE.decode() not in repr(key) and ONE.decode() not in str((key,))
    assert len(key.fingerprint) == 12 and key.fingerprint in repr(key)


@posix_only
def test_only_the_owner_reads_the_file_and_what_is_beside_it(file: Path) -> None:
    secret_keys(file, {})
    with changing(file):
        write_keys(file, (SecretKey(ONE), SecretKey(TWO)))
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.glob("secret*")} == {
        "secret.key": 0o600,
        "secret.lock": 0o600,
    }


def test_rotations_at_the_same_time_lose_no_key(file: Path) -> None:
    secret_keys(file, {})

    def rotate() -> None:
        with changing(file):
            write_keys(file, (new_key(NOW), *keys_of(file, {})))

    threads = [threading.Thread(target=rotate) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(secret_keys(file, {}))) == 13


def test_every_key_verifies_and_the_first_signs(file: Path) -> None:
    signed = Signer(secret_keys(file, {})).token(Purpose.CONFIRM, "weekly", "ab12cd34")
    # More than a byte has ids: some keys share one, and each of those is tried.
    write_keys(file, (*(new_key(NOW) for _ in range(600)), *keys_of(file, {})))
    now = Signer(secret_keys(file, {}))
    assert now.read(signed, Purpose.CONFIRM) == LinkTarget("weekly", "ab12cd34")
    assert now.token(Purpose.CONFIRM, "weekly", "ab12cd34") != signed
