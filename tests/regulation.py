"""docs/regulation.md: which endpoints and tests serve a clause.

The status and the words of a row are written by hand; ``python tests/regulation.py`` fills in the
endpoints (``x-clauses`` of the contract) and the tests (``@pytest.mark.clause``).
"""

import ast
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "regulation.md"
CONTRACT = ROOT / "openapi" / "openapi.json"
STATUSES = {"served", "partly", "not yet"}


def marked_tests() -> dict[str, list[str]]:
    """Return the names of the tests that are marked with each clause."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for clause in _marked(node):
                    found[clause].append(f"{path.stem}.{node.name}")
    return found


def _marked(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("mark.clause"):
            yield from (str(ast.literal_eval(one)) for one in decorator.args)


def endpoints_by_clause() -> dict[str, list[str]]:
    """Return the operation ids that name each clause."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    paths = json.loads(CONTRACT.read_text("utf-8"))["paths"]
    for operations in paths.values():
        for operation in operations.values():
            for clause in operation.get("x-clauses", ()):
                found[clause].append(operation["operationId"])
    return found


def rows() -> Iterator[list[str]]:
    """Return the cells of the document's rows: clause, status, words, endpoints, tests."""
    for line in DOCUMENT.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 5 and cells[1] in STATUSES:
            yield cells


def renewed() -> str:
    """Return the document with the endpoints and tests as they are now."""
    endpoints, tests = endpoints_by_clause(), marked_tests()
    lines = []
    for line in DOCUMENT.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 5 and cells[1] in STATUSES:
            clause = cells[0]
            cells[3] = " ".join(f"`{one}`" for one in sorted(set(endpoints.get(clause, ()))))
            cells[4] = " ".join(f"`{one}`" for one in sorted(set(tests.get(clause, ()))))
            line = f"| {' | '.join(cells)} |"  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(), "utf-8")
