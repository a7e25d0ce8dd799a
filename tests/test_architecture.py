"""The direction of imports, which is the architecture: a module imports its own group or lower layers only.

Imports inside functions count as well: a lazy import is about start-up time, not about direction.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mailer"

LAYERS: dict[str, int] = {
    "errors": 0, "model": 0, "tomlfile": 0, "wording": 0, "languages": 0,
    "articles": 1, "issues": 1, "render": 1, "checks": 1, "audience": 1, "delivery": 1, "reports": 1,
    "bounces": 1,
    "config": 2, "workspace": 2, "fetch": 2, "store": 2, "providers": 2, "engine": 2,
    "services": 3,
    "app": 4,
    "cli": 5, "web": 5, "__main__": 6,
}  # fmt: skip

# Strangers: none of these may import another one of its set.
STRANGERS = (
    {"store", "providers", "engine", "fetch"},
    {"cli", "web"},
)

# A pure layer decides; it does not read files, clocks, networks or databases.
IMPURE = {
    "sqlalchemy", "alembic", "urllib3", "socket", "ssl", "smtplib", "sendgrid", "typer", "os", "pathlib", "random",
    "secrets", "time", "tempfile", "shutil", "subprocess", "sqlite3", "http",
}  # fmt: skip
IMPURE_CALLS = {"open", "now", "utcnow", "today", "uuid4"}

FORBIDDEN_NAMES = {"utils", "helpers", "common", "base"}

MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(source: str) -> ast.Module:
    """Read once for all that is asked of it."""
    return ast.parse(source)


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def group_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imported_modules(tree: ast.AST) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            module = node.module or ""
            found.append((module, node.lineno))
            if module == "mailer":
                found += [(f"mailer.{alias.name}", node.lineno) for alias in node.names]
    return found


def import_faults(path: Path, source: str) -> list[str]:
    """What is wrong with the imports of the module at `path`, one sentence each."""
    group = group_of(path)
    if group == "__init__":
        return []
    faults = []
    for module, line in imported_modules(tree_of(source)):
        parts = module.split(".")
        if parts[0] == "mailer" and len(parts) > 1 and parts[1] in LAYERS:
            target = parts[1]
            if LAYERS[target] > LAYERS[group]:
                faults.append(f"line {line}: {group} imports {target}, a higher layer")
            if target != group and any({group, target} <= strangers for strangers in STRANGERS):
                faults.append(f"line {line}: {group} imports {target}, a stranger")
        elif LAYERS[group] == 1 and parts[0] in IMPURE:
            faults.append(f"line {line}: {group} is pure and imports {module}")
    return faults


def impure_calls(source: str) -> list[str]:
    faults = []
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            if name in IMPURE_CALLS:
                faults.append(f"line {node.lineno}: calls {name}()")
    return faults


def size_faults(path: Path, source: str) -> list[str]:
    """What is wrong with the name and the sizes of the module at `path`."""
    faults = []
    if path.stem in FORBIDDEN_NAMES:
        faults.append(f"{path.stem} says nothing")
    if source.count("\n") > 400:
        faults.append("more than 400 lines")
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > 60:
                faults.append(f"{node.name} at line {node.lineno} has {length} lines")
    return faults


def test_modules_keep_to_their_layers() -> None:
    assert len(MODULES) > 300
    lost = [name_of(path) for path in MODULES if group_of(path) not in LAYERS and path != PACKAGE / "__init__.py"]
    assert lost == [], "they belong to no layer"
    assert [f"{name_of(path)}: {fault}" for path in MODULES for fault in import_faults(path, source_of(path))] == []


def test_pure_modules_call_nothing_impure() -> None:
    pure = [path for path in MODULES if LAYERS.get(group_of(path)) == 1]
    assert len(pure) > 80
    assert [f"{name_of(path)}: {fault}" for path in pure for fault in impure_calls(source_of(path))] == []


def test_modules_are_named_and_sized_for_people() -> None:
    assert [f"{name_of(path)}: {fault}" for path in MODULES for fault in size_faults(path, source_of(path))] == []


def test_only_output_prints() -> None:
    printing = [
        str(path.relative_to(PACKAGE))
        for path in MODULES
        for node in ast.walk(tree_of(source_of(path)))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print"
    ]
    assert set(printing) <= {"cli/output.py"}


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("store/articles.py", "from mailer.services import send", "store imports services, a higher layer"),
        (
            "providers/smtp.py",
            "def f():\n    from mailer import store",
            "providers imports store, a stranger",
        ),
        ("render/issue.py", "import os.path", "render is pure and imports os.path"),
        ("cli/send.py", "import mailer.web.pages", "cli imports web, a stranger"),
    ],
)
def test_the_guard_sees_a_fault(module: str, source: str, fault: str) -> None:
    assert any(fault in found for found in import_faults(PACKAGE / module, source))


def test_the_guard_sees_what_is_too_large_and_what_says_nothing() -> None:
    long = "def f():\n" + "    pass\n" * 60
    assert size_faults(PACKAGE / "store/base.py", long) == ["base says nothing", "f at line 1 has 61 lines"]
    assert size_faults(PACKAGE / "store/long.py", "x = 1\n" * 401) == ["more than 400 lines"]
    assert size_faults(PACKAGE / "store/short.py", long.replace("def f():\n", "def f():\n", 1)[:-9]) == []
    assert impure_calls("open('x')\ndatetime.now()") == ["line 1: calls open()", "line 2: calls now()"]


def test_the_guard_lets_legal_imports_pass() -> None:
    assert import_faults(PACKAGE / "services/sending/run.py", "from mailer.store import ledger\nimport os") == []


def import_graph() -> dict[str, set[str]]:
    names = {
        ".".join(("mailer", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in MODULES
    }
    graph: dict[str, set[str]] = {name: set() for name in names}
    for name, path in names.items():
        for node in ast.walk(tree_of(source_of(path))):
            targets: list[str] = []
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                submodules = [f"{node.module}.{alias.name}" for alias in node.names]
                targets = [sub if sub in names else node.module for sub in submodules]
            graph[name] |= {target for target in targets if target in names and target != name}
    return graph


def test_there_is_no_import_cycle() -> None:
    graph = import_graph()
    while leaves := [name for name, targets in graph.items() if not targets]:
        for leaf in leaves:
            del graph[leaf]
        for targets in graph.values():
            targets.difference_update(leaves)
    assert graph == {}, f"a cycle among {sorted(graph)}"
