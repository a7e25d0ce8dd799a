"""Where SQL differs between the databases: attributes of a person, which are JSON, and three functions on texts.

Each construct is an element of its own, and the compilers below are the only places that know a database. What each
form means is said in `audience/segment/forms.py`; a property test holds Python and both databases together.

An attribute's name is put into the statement itself and not sent beside it: an index over an expression is used only
where the query has the same expression.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Form(FunctionElement[Any]):
    """Something about one attribute. Its clauses: the column, the path for SQLite, the name for PostgreSQL, more."""

    inherit_cache = True

    def __init__(self, column: sa.ColumnElement[Any], attribute: str, *more: sa.ColumnElement[Any]) -> None:
        path = sa.literal(f'$."{attribute}"', sa.Text, literal_execute=True)
        super().__init__(column, path, sa.literal(attribute, sa.Text, literal_execute=True), *more)


class AttributeRaw(_Form):
    """The value for a comparison by an index. A text is itself; anything else may look like a text and is none."""

    type = sa.Text()
    inherit_cache = True


class AttributeIs(_Form):
    """Whether the raw value is the text in `more`, found by an index.

    On SQLite, where raw numbers stay numbers, it may also be the number after that text.
    """

    # Not Boolean: SQLAlchemy would compare that with 1 on SQLite, and no index would be used.
    type = sa.Integer()
    inherit_cache = True


class AttributeType(_Form):
    """What the value is: text, integer, real, true, false, null, array or object. NULL for a missing one."""

    type = sa.Text()
    inherit_cache = True


class AttributeText(_Form):
    """`forms.text_form`."""

    type = sa.Text()
    inherit_cache = True


class AttributeNumber(_Form):
    """`forms.number_form`."""

    type = sa.BigInteger()
    inherit_cache = True


class AttributeDay(_Form):
    """`forms.day_form`."""

    type = sa.Text()
    inherit_cache = True


class AttributeTruth(_Form):
    """`forms.truth_form`, as 1 and 0."""

    type = sa.Integer()
    inherit_cache = True


class AttributeSet(_Form):
    """`forms.is_set`."""

    type = sa.Boolean()
    inherit_cache = True


class AttributeHolds(_Form):
    """Whether the value is a list with a text that is one of `more`, capitals A to Z aside."""

    type = sa.Boolean()
    inherit_cache = True


class Found(FunctionElement[int]):
    """Where the second text begins in the first, from 1; 0 for nowhere."""

    type = sa.Integer()
    inherit_cache = True


class Tail(FunctionElement[str]):
    """The last letters of a text."""

    type = sa.Text()
    inherit_cache = True


class Bytewise(FunctionElement[str]):
    """A text that is compared letter by letter, by Unicode's numbers, whatever the database's language is."""

    type = sa.Text()
    inherit_cache = True


# --- SQLite -----------------------------------------------------------------------------------------------------------

NUMBER_GLOBS = "{t} GLOB '[0-9]*' AND {t} NOT GLOB '*[^0-9.]*' AND {t} NOT GLOB '*.*.*' AND {t} NOT GLOB '*.'"
"""What a plain decimal number is, without its sign and in the words of a database that has no regular expressions."""

# The part before the point and four decimals, as one whole number.
SCALED = (
    "CAST(substr({t}, 1, instr({t} || '.', '.') - 1)"
    " || substr(substr({t}, instr({t} || '.', '.') + 1) || '0000', 1, 4) AS INTEGER)"
)


def _parts(element: _Form, compiler: Any, **kw: Any) -> tuple[str, str, str, list[str]]:
    column, path, name, *more = element.clauses
    return (
        compiler.process(column, **kw),
        compiler.process(path, **kw) if compiler.dialect.name == "sqlite" else "",
        compiler.process(name, **kw) if compiler.dialect.name == "postgresql" else "",
        [compiler.process(each, **kw) for each in more],
    )


@compiles(AttributeRaw, "sqlite")
def _raw_sqlite(element: AttributeRaw, compiler: Any, **kw: Any) -> str:
    column, path, *_ = _parts(element, compiler, **kw)
    return f"json_extract({column}, {path})"


@compiles(AttributeIs, "sqlite")
def _is_sqlite(element: AttributeIs, compiler: Any, **kw: Any) -> str:
    column, path, _, more = _parts(element, compiler, **kw)
    return f"json_extract({column}, {path}) IN ({', '.join(more)})"


@compiles(AttributeType, "sqlite")
def _type_sqlite(element: AttributeType, compiler: Any, **kw: Any) -> str:
    column, path, *_ = _parts(element, compiler, **kw)
    return f"json_type({column}, {path})"


@compiles(AttributeText, "sqlite")
def _text_sqlite(element: AttributeText, compiler: Any, **kw: Any) -> str:
    column, path, *_ = _parts(element, compiler, **kw)
    value = f"json_extract({column}, {path})"
    return (
        f"CASE json_type({column}, {path}) WHEN 'text' THEN {value} WHEN 'integer' THEN "
        f"CASE WHEN {value} BETWEEN -999999999999999 AND 999999999999999 THEN CAST({value} AS TEXT) END "
        f"WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' END"
    )


@compiles(AttributeNumber, "sqlite")
def _number_sqlite(element: AttributeNumber, compiler: Any, **kw: Any) -> str:
    column, path, *_ = _parts(element, compiler, **kw)
    value, written = f"json_extract({column}, {path})", f"({column} -> {path})"
    bare = f"ltrim({value}, '-')"
    whole = f"instr({bare} || '.', '.') - 1"
    # ltrim takes every sign; a second one would be one too many.
    plain = (
        f"{NUMBER_GLOBS.format(t=bare)} AND {whole} <= 14 AND length({bare}) - ({whole}) <= 16"
        f" AND length({value}) - length({bare}) <= 1"
    )
    return (
        f"CASE json_type({column}, {path}) "
        f"WHEN 'integer' THEN CASE WHEN {value} BETWEEN -99999999999999 AND 99999999999999 THEN {value} * 10000 END "
        f"WHEN 'real' THEN CASE WHEN {written} GLOB '*e-*' THEN 0 "
        f"WHEN abs({value}) < 100000000000000.0 THEN {SCALED.format(t=written)} END "
        f"WHEN 'text' THEN CASE WHEN {plain} THEN {SCALED.format(t=value)} END END"
    )


@compiles(AttributeDay, "sqlite")
def _day_sqlite(element: AttributeDay, compiler: Any, **kw: Any) -> str:
    column, path, *_ = _parts(element, compiler, **kw)
    value = f"json_extract({column}, {path})"
    # Only a text can look like that.
    shape = "-".join(("[0-9]" * 4, "[0-9]" * 2, "[0-9]" * 2)) + "*"
    return f"CASE WHEN {value} GLOB '{shape}' THEN substr({value}, 1, 10) END"


@compiles(AttributeTruth, "sqlite")
def _truth_sqlite(element: AttributeTruth, compiler: Any, **kw: Any) -> str:
    column, path, *_ = _parts(element, compiler, **kw)
    word = f"lower(json_extract({column}, {path}))"
    return (
        f"CASE json_type({column}, {path}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 WHEN 'text' THEN "
        f"CASE {word} WHEN 'true' THEN 1 WHEN 'yes' THEN 1 WHEN 'false' THEN 0 WHEN 'no' THEN 0 END END"
    )


@compiles(AttributeSet, "sqlite")
def _set_sqlite(element: AttributeSet, compiler: Any, **kw: Any) -> str:
    column, path, *_ = _parts(element, compiler, **kw)
    value = f"json_extract({column}, {path})"
    return (
        f"CASE json_type({column}, {path}) WHEN 'null' THEN 0 WHEN 'text' THEN {value} <> '' "
        f"WHEN 'array' THEN {value} <> '[]' WHEN 'object' THEN {value} <> '{{}}' "
        f"ELSE json_type({column}, {path}) IS NOT NULL END"
    )


@compiles(AttributeHolds, "sqlite")
def _holds_sqlite(element: AttributeHolds, compiler: Any, **kw: Any) -> str:
    column, path, _, more = _parts(element, compiler, **kw)
    wanted = f" AND lower(value) IN ({', '.join(more)})" if more else ""
    texts = f"FROM json_each({column}, {path}) WHERE type = 'text'{wanted}"
    return f"(json_type({column}, {path}) = 'array' AND EXISTS (SELECT 1 {texts}))"


@compiles(Found, "sqlite")
def _found_sqlite(element: Found, compiler: Any, **kw: Any) -> str:
    return f"instr({compiler.process(element.clauses, **kw)})"


@compiles(Tail, "sqlite")
def _tail_sqlite(element: Tail, compiler: Any, **kw: Any) -> str:
    text, length = element.clauses
    return f"substr({compiler.process(text, **kw)}, -{compiler.process(length, **kw)})"


@compiles(Bytewise, "sqlite")
def _bytewise_sqlite(element: Bytewise, compiler: Any, **kw: Any) -> str:
    return str(compiler.process(element.clauses, **kw))


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def _json(element: _Form, compiler: Any, **kw: Any) -> tuple[str, str]:
    """The value as JSON, and as a text."""
    column, _, name, _ = _parts(element, compiler, **kw)
    return f"({column} -> {name})", f"({column} ->> {name})"


@compiles(AttributeRaw, "postgresql")
def _raw_postgresql(element: AttributeRaw, compiler: Any, **kw: Any) -> str:
    return f'({_json(element, compiler, **kw)[1]} COLLATE "C")'


@compiles(AttributeIs, "postgresql")
def _is_postgresql(element: AttributeIs, compiler: Any, **kw: Any) -> str:
    _, text = _json(element, compiler, **kw)
    wanted = compiler.process(element.clauses.clauses[3], **kw)
    return f'({text} COLLATE "C") = {wanted}'


@compiles(AttributeType, "postgresql")
def _type_postgresql(element: AttributeType, compiler: Any, **kw: Any) -> str:
    value, text = _json(element, compiler, **kw)
    return (
        f"CASE jsonb_typeof({value}) WHEN 'string' THEN 'text' WHEN 'boolean' THEN {text} "
        f"WHEN 'number' THEN CASE WHEN {text} ~ '^-?[0-9]+$' THEN 'integer' ELSE 'real' END "
        f"ELSE jsonb_typeof({value}) END"
    )


@compiles(AttributeText, "postgresql")
def _text_postgresql(element: AttributeText, compiler: Any, **kw: Any) -> str:
    value, text = _json(element, compiler, **kw)
    return (
        f"(CASE jsonb_typeof({value}) WHEN 'string' THEN {text} WHEN 'boolean' THEN {text} "
        f"WHEN 'number' THEN CASE WHEN {text} ~ '^-?[0-9]{{1,15}}$' THEN {text} END END COLLATE \"C\")"
    )


@compiles(AttributeNumber, "postgresql")
def _number_postgresql(element: AttributeNumber, compiler: Any, **kw: Any) -> str:
    value, text = _json(element, compiler, **kw)
    # A number of JSON is one already: to read it from its text would take twice as long.
    number, plain = f"CAST({value} AS numeric)", f"{text} ~ '^-?[0-9]{{1,14}}([.][0-9]{{1,15}})?$'"
    return (
        f"CASE jsonb_typeof({value}) "
        f"WHEN 'number' THEN CASE WHEN abs({number}) < 100000000000000 THEN trunc({number} * 10000) END "
        f"WHEN 'string' THEN CASE WHEN {plain} THEN trunc(CAST({text} AS numeric) * 10000) END END"
    )


@compiles(AttributeDay, "postgresql")
def _day_postgresql(element: AttributeDay, compiler: Any, **kw: Any) -> str:
    _, text = _json(element, compiler, **kw)
    # Only a text can look like that; a regular expression would take three times as long to see it.
    day = f"left({text}, 10)"
    return f"(CASE WHEN translate({day}, '012345678', '999999999') = '9999-99-99' THEN {day} END COLLATE \"C\")"


@compiles(AttributeTruth, "postgresql")
def _truth_postgresql(element: AttributeTruth, compiler: Any, **kw: Any) -> str:
    value, text = _json(element, compiler, **kw)
    return (
        f"CASE WHEN jsonb_typeof({value}) IN ('boolean', 'string') THEN CASE lower({text} COLLATE \"C\") "
        f"WHEN 'true' THEN 1 WHEN 'yes' THEN 1 WHEN 'false' THEN 0 WHEN 'no' THEN 0 END END"
    )


@compiles(AttributeSet, "postgresql")
def _set_postgresql(element: AttributeSet, compiler: Any, **kw: Any) -> str:
    value, text = _json(element, compiler, **kw)
    return (
        f"CASE jsonb_typeof({value}) WHEN 'null' THEN false WHEN 'string' THEN {text} <> '' "
        f"WHEN 'array' THEN {text} <> '[]' WHEN 'object' THEN {text} <> '{{}}' "
        f"ELSE jsonb_typeof({value}) IS NOT NULL END"
    )


@compiles(AttributeHolds, "postgresql")
def _holds_postgresql(element: AttributeHolds, compiler: Any, **kw: Any) -> str:
    value, _ = _json(element, compiler, **kw)
    more = _parts(element, compiler, **kw)[3]
    wanted = f" AND lower((one.value #>> '{{}}') COLLATE \"C\") IN ({', '.join(more)})" if more else ""
    rows = f"CASE WHEN jsonb_typeof({value}) = 'array' THEN {value} ELSE '[]' END"
    texts = f"FROM jsonb_array_elements({rows}) AS one(value) WHERE jsonb_typeof(one.value) = 'string'{wanted}"
    return f"EXISTS (SELECT 1 {texts})"


@compiles(Found, "postgresql")
def _found_postgresql(element: Found, compiler: Any, **kw: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **kw)})"


@compiles(Tail, "postgresql")
def _tail_postgresql(element: Tail, compiler: Any, **kw: Any) -> str:
    return f"right({compiler.process(element.clauses, **kw)})"


@compiles(Bytewise, "postgresql")
def _bytewise_postgresql(element: Bytewise, compiler: Any, **kw: Any) -> str:
    return f'({compiler.process(element.clauses, **kw)} COLLATE "C")'


# --- what a database has ----------------------------------------------------------------------------------------------


def each_attribute(connection: Connection, column: sa.ColumnElement[Any]) -> sa.TableValuedAlias:
    """The attributes of a row as rows of their own: `key` and `type`, in the database's word for it."""
    if connection.dialect.name == "sqlite":
        return sa.func.json_each(column).table_valued("key", "type", name="attribute")
    pair = sa.func.jsonb_each(column).table_valued("key", sa.column("value", JSONB), name="pair")
    typed = sa.select(pair.c.key, sa.func.jsonb_typeof(pair.c.value).label("type")).lateral("attribute")
    return typed  # type: ignore[return-value]


def index_names(connection: Connection, table: str) -> frozenset[str]:
    """The indexes of a table. SQLAlchemy's inspector warns about those over expressions, and leaves them out."""
    if connection.dialect.name == "sqlite":
        catalogue = sa.table("sqlite_master", sa.column("name"), sa.column("tbl_name"), sa.column("type"))
        query = sa.select(catalogue.c.name).where(catalogue.c.tbl_name == table, catalogue.c.type == "index")
    else:
        catalogue = sa.table("pg_indexes", sa.column("indexname"), sa.column("tablename"), sa.column("schemaname"))
        query = sa.select(catalogue.c.indexname).where(
            catalogue.c.tablename == table, catalogue.c.schemaname == sa.func.current_schema()
        )
    return frozenset(connection.execute(query).scalars())


def analyze(connection: Connection, *tables: sa.Table) -> None:
    """Let the database count what its indexes hold: without, it guesses which of two is the better way.

    SQLite would otherwise believe that a list has some ten people.
    """
    for table in tables:
        connection.exec_driver_sql(f"ANALYZE {connection.dialect.identifier_preparer.format_table(table)}")
