from __future__ import annotations

from tests.unit.checks.making import Case, issue

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
    "repeated-article": Case(
        [
            (
                issue(repeated={"ab12": "2026-11-15-rivers", "cd34": "older"}),
                "2 of the articles went to one of these lists before, such as ab12 in 2026-11-15-rivers",
            )
        ],
        [issue(repeated={})],
    ),
    "field-missing": Case(
        [
            (
                issue(
                    without={"first_name": 31},
                    fields_used=frozenset({"first_name"}),
                    fields_known=frozenset({"first_name"}),
                ),
                "31 of 100 people looked at have no first_name; they get what stands for it",
            )
        ],
        [
            issue(without={"city": 31}, fields_known=frozenset({"city"})),
            issue(without={"city": 100}, fields_used=frozenset({"city"})),
            issue(without={"city": 0}, fields_used=frozenset({"city"}), fields_known=frozenset({"city"})),
        ],
    ),
    "no-articles": Case([(issue(articles=()), "this bulletin has no article")], [issue(kind="alert", articles=())]),
}
