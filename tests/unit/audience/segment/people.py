"""Made-up expressions and people, for tests that ask the same in two ways."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = (
    "city",
    "age",
    "note",
    "since",
    "interests",
    "straße",
    "odd name",
    "50%",
    "it's",
    "a.b",
    "a:b",
    "joined",
    "tags",
)
"""Names of attributes; some can only be said as attributes["..."]."""

ISSUES = ("first", "second", "it's 100%")
LISTS = ("weekly", "members")

WORDS = (
    "Oslo", "oslo", "OSLO", "Bergen", "Ålesund", "ålesund", "STRASSE", "straße", "true", "True", "FALSE", "yes", "No",
    "12", "012", "12.5", "12.50", "-3", "-0", "0", "--3", "1e3", "1.", ".5", "12.34567", "1.2.3", "99999999999999",
    "999999999999999", "1000000000000000", "2026-11-20", "2026-11-22T08:00:00Z", "2025-01-31 x", "2026-13-45", "",
    " ", "%", "_", "100%", "it's", 'say "x"', "back\\slash", "[]", "{}", "[1]", '{"a":1}', "null", "a\nb", "x:y",
    "e\u0301", "\u00e9", "\U0001f600", "מרחב", "9", "10", "0.1", "0.10004", "0.00009", "0.00010",
)  # fmt: skip

NUMBERS = (
    0, 1, -1, 12, 13, -3, 18, 150, 10**14 - 1, 10**14, 10**15 - 1, 10**15, 2**53 + 1, 2**63 - 1, -(2**63), 2**70,
    0.0, -0.0, 0.5, 12.0, 12.5, -3.25, 0.1, 0.1 + 0.2, 1 / 3, 1e-5, -9.9e-5, 0.0001, 12.34567, 1e3, 1e15, 1e16, 1e22,
    99999999999999.9, 100000000000000.5, 1.5e300,
)  # fmt: skip

SCALARS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(NUMBERS),
    st.booleans(),
    st.none(),
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-1000, 1000, places=5).map(float),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)
VALUES = st.one_of(
    SCALARS,
    st.lists(st.one_of(st.sampled_from(WORDS), SCALARS), max_size=4),
    st.dictionaries(st.sampled_from(["a", "city"]), SCALARS, max_size=2),
)


def attributes() -> st.SearchStrategy[dict[str, Any]]:
    tags = st.one_of(st.lists(st.sampled_from(WORDS), max_size=3), VALUES)
    return st.tuples(
        st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6), st.none() | tags
    ).map(lambda pair: pair[0] | ({} if pair[1] is None else {"tags": pair[1]}))  # fmt: skip


def quoted(text: str) -> str:
    """A text as it is written in an expression."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'


FIELDS = st.sampled_from(NAMES).map(
    lambda name: name if name.isidentifier() and name not in ("joined", "tags") else f"attributes[{quoted(name)}]"
)
TEXTS = st.one_of(
    st.sampled_from([word for word in WORDS if word != "2026-13-45"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4),
).map(quoted)
FILLED = TEXTS.filter(lambda text: text != '""')
PLAIN_NUMBERS = st.one_of(
    st.sampled_from(["0", "1", "12", "13", "12.5", "-3", "0.1", "0.3", "0.0001", "0.3333", "99999999999999", "-1"]),
    st.integers(-200, 200).map(str),
)
SPANS = st.sampled_from(["-90d", "-2d", "0d", "-1h", "12h", "-1w", "400d", "3d"])
DAYS = st.sampled_from(['"2026-11-20"', '"2026-11-22"', '"2025-01-31"', '"1970-01-01"'])
ORDER = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
TRUTHS = st.sampled_from(["true", "False"])
ADDRESSES = st.sampled_from(['"p1@example.org"', '"P2@Example.ORG"', '"p"', '"example.org"', '"%"', '"zz"'])


def joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    """The parts one after the other, with blanks."""
    made = [part if isinstance(part, st.SearchStrategy) else st.just(part) for part in parts]
    return st.tuples(*made).map(" ".join)


LEAVES = st.one_of(
    joined(FIELDS, ORDER, st.one_of(TEXTS, PLAIN_NUMBERS, SPANS, DAYS)),
    joined(st.one_of(TEXTS, PLAIN_NUMBERS, SPANS), ORDER, FIELDS),
    joined(PLAIN_NUMBERS, "<=", FIELDS, "<", PLAIN_NUMBERS),
    joined(FIELDS, st.sampled_from(["==", "!="]), TRUTHS),
    joined(FIELDS, st.sampled_from(["in", "not in"]), "[",
           st.lists(st.one_of(TEXTS, PLAIN_NUMBERS, TRUTHS, SPANS, DAYS), min_size=1, max_size=4).map(", ".join), "]"),
    joined(FILLED, st.sampled_from(["in", "not in"]), st.one_of(FIELDS, st.sampled_from(["tags", "email", "domain"]))),
    st.tuples(st.one_of(FIELDS, st.sampled_from(["email", "domain"])),
              st.sampled_from(["startswith", "endswith", "contains"]), FILLED)
    .map(lambda p: f"{p[0]}.{p[1]}({p[2]})"),
    FIELDS.map(lambda field: f"has({field})"),
    st.just("has(tags)"),
    joined(st.sampled_from(["email", "domain"]), ORDER, ADDRESSES),
    joined(st.sampled_from(["email", "domain"]), "in (", ADDRESSES, ",", ADDRESSES, ")"),
    joined("joined", ORDER, st.one_of(DAYS, st.just('"2026-11-20T09:00:00"'), st.just('"2026-11-20T09:00+02:00"'))),
    joined("joined", st.sampled_from(["<", "<=", ">", ">="]), SPANS),
    joined(st.sampled_from([*map(quoted, LISTS), '"nowhere"']), st.sampled_from(["in", "not in"]), "lists"),
    st.tuples(st.sampled_from(["received", "opened", "clicked"]), st.sampled_from([*ISSUES, "third"]).map(quoted))
    .map(lambda pair: f"{pair[0]}({pair[1]})"),
    st.tuples(st.sampled_from(["received", "opened", "clicked"]), st.sampled_from(["1h", "2d", "90d", "5200w"]))
    .map(lambda pair: f"{pair[0]}_within({pair[1]})"),
)  # fmt: skip

EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: " and ".join(f"({part})" for part in parts)),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: " or ".join(f"({part})" for part in parts)),
    ),
    max_leaves=6,
)
