from __future__ import annotations

from tests.unit.checks.making import TEXT, Case, issue, mail

CASES = {
    "unwritable": Case(
        [
            (issue(unwritable={"a.md:7: no value": 2}), "2 of 100 sample mails cannot be written: a.md:7: no value"),
            (
                issue(unwritable={"first": 2, "second": 1, "third": 1}),
                "4 of 100 sample mails cannot be written: first (and 2 more reasons)",
            ),
        ],
        [issue(unwritable={})],
    ),
    "unknown-field": Case(
        [
            (
                issue(fields_used=frozenset({"frist_name"}), fields_known=frozenset({"first_name", "email"})),
                "none of the 100 people looked at has the field frist_name",
            )
        ],
        [issue(fields_used=frozenset({"frist_name"})), issue(fields_known=frozenset({"first_name"}))],
    ),
    "empty-subject": Case(
        [(mail(subject=""), "the subject is empty"), (mail(subject=" \t"), "the subject is empty")],
        [mail(subject="", html="", text="", unsubscribe="")],
    ),
    "repeated-article": Case(
        [
            (
                issue(repeated={"ab12": "2026-11-15-rivers", "cd34": "older"}),
                "2 of the articles went to one of these lists before, such as ab12 in 2026-11-15-rivers",
            )
        ],
        [issue(repeated={})],
    ),
    "template-marks": Case(
        [
            (mail(text=TEXT + "Dear {{ name }},"), "readers will see template code"),
            (mail(text=TEXT + "{% if %}"), "readers will see template code"),
        ],
        [
            mail(text=TEXT + "a set {a, b}, {{ and } }, 100%"),
            mail(text=TEXT + "{{" + "x" * 80 + "}}"),
        ],
    ),
    "no-articles": Case([(issue(articles=()), "this bulletin has no article")], [issue(kind="alert", articles=())]),
}
