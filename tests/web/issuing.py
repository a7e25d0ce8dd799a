"""Issues for tests of the public side: written as a file, frozen and sent as a command would."""

from __future__ import annotations

import json
from typing import Any

from mailer.services.prepare import prepare
from mailer.services.sending.freezing import freeze_issue
from mailer.services.sending.results import SendOptions
from mailer.services.sending.sender import send_frozen
from tests.web.house import House

BODY = "Hello {{ subscriber.first_name | default('friend') }}, the **river** rises.\n"


def write_issue(house: House, name: str, body: str = BODY, **front: Any) -> None:
    """`issues/NAME.md`, to the weekly list unless another is named."""
    values = {"kind": "bulletin", "subject": "Rivers rise", "lists": ["weekly"], **front}
    # JSON is YAML.
    lines = [f"{key}: {json.dumps(value)}" for key, value in values.items()]
    folder = house.folder / "issues"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.md").write_text("\n".join(["---", *lines, "---", "", body]))


def freeze(house: House, name: str) -> None:
    """The issue is written down and not handed over."""
    freeze_issue(house.program, prepare(house.program, name))


def send(house: House, name: str, body: str = BODY, **front: Any) -> None:
    """Write it, freeze it, hand it over."""
    write_issue(house, name, body, **front)
    freeze(house, name)
    send_frozen(house.program, name, SendOptions())
