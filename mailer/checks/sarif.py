"""Findings as SARIF 2.1.0, which forges show on the lines of the files. It has what the text has, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from mailer.checks.finding import Finding
from mailer.checks.fingerprint import fingerprint
from mailer.checks.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(findings: Sequence[Finding], rules: Sequence[Rule], file: str, version: str) -> Mapping[str, Any]:
    """One run over `file`, which is where findings stand that have no line of their own."""
    numbers = {rule.id: number for number, rule in enumerate(rules)}
    driver = {"name": "mailer", "version": version, "rules": [described(rule) for rule in rules]}
    results = [result(each, numbers[each.rule], file) for each in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def described(rule: Rule) -> dict[str, Any]:
    """What a forge shows about a rule."""
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.why},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why} What to do: {rule.advice}."},
        "defaultConfiguration": {"level": rule.level.value},
        "properties": {"tags": [rule.family.value], "firm": rule.firm},
    }


def result(finding: Finding, number: int, file: str) -> dict[str, Any]:
    found = {
        "ruleId": finding.rule,
        "ruleIndex": number,
        "level": finding.level.value,
        "message": {"text": f"{finding.words}. {finding.advice}"},
        "locations": [{"physicalLocation": location(finding, file)}],
        "partialFingerprints": {"finding/v1": fingerprint(finding)},
    }
    if not finding.accepted:
        return found
    return {**found, "suppressions": [{"kind": "external", "status": "accepted", "justification": finding.accepted}]}


def location(finding: Finding, file: str) -> dict[str, Any]:
    path, line = (finding.source.file, finding.source.line) if finding.source else (file, 1)
    return {"artifactLocation": {"uri": uri(path)}, "region": {"startLine": max(line, 1)}}


def uri(path: str) -> str:
    """A relative path as a URI reference, or one that begins at the root as a file URI."""
    return ("file://" if path.startswith("/") else "") + quote(path)
