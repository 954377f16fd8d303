"""The contract: committed as the code says it, valid, and saying what a client needs to know."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator
from role_matrix import PUBLIC

COMMITTED = Path(__file__).parents[1] / "openapi" / "openapi.json"
PROBLEM = "application/problem+json"
METHODS = {"get", "post", "put", "patch", "delete"}

Json = dict[str, Any]


@pytest.fixture(scope="session")
def contract(shared_app: FastAPI) -> Json:
    return json.loads(json.dumps(shared_app.openapi()))


def operations(contract: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            assert method in METHODS, f"{method} {path}"
            yield f"{method.upper()} {path}", path, operation


def resolved(contract: Json, schema: Json) -> Json:
    while "$ref" in schema:
        schema = contract["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_the_committed_contract_is_what_the_code_says(contract: Json) -> None:
    committed = json.loads(COMMITTED.read_text("utf-8")) if COMMITTED.exists() else {}
    # The documents are long: a difference is told in a sentence, and seen in the diff.
    assert committed == contract or pytest.fail(
        "openapi/openapi.json is not what the code says: run make openapi, and look at its diff.",
        pytrace=False,
    )


def test_the_contract_is_valid(contract: Json) -> None:
    OpenAPIV31SpecValidator(contract).validate()  # type: ignore[arg-type]  # Any mapping will do.


def test_an_operation_is_named_once_and_explained(contract: Json) -> None:
    names = [operation["operationId"] for _, _, operation in operations(contract)]
    assert len(names) > 5
    assert len(names) == len(set(names)), sorted({one for one in names if names.count(one) > 1})
    for name, _, operation in operations(contract):
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", operation["operationId"]), name
        assert operation["summary"].strip(), name
        assert operation["description"].strip(), name
        assert operation["tags"], name


def test_an_operation_names_its_permission_unless_it_is_public(contract: Json) -> None:
    without = {
        name for name, _, operation in operations(contract) if "x-permission" not in operation
    }
    assert without == PUBLIC & {name for name, _, _ in operations(contract)}
    for name, _, operation in operations(contract):
        # The token of the caller, or said aloud that none is asked for.
        asked_for = [{"token": []}] if "x-permission" in operation else []
        assert operation["security"] == asked_for, name


def test_an_operation_documents_its_refusals(contract: Json) -> None:
    for name, path, operation in operations(contract):
        refusals = {status for status in operation["responses"] if status >= "400"}
        expected = {"503"}
        if "x-permission" in operation:
            expected |= {"401", "403"}
        if "{" in path:
            expected |= {"404"}
        if "requestBody" in operation:
            expected |= {"422"}
        assert refusals >= expected, name
        for status in refusals:
            response = operation["responses"][status]
            assert response["description"].strip(), f"{name}: {status}"
            assert set(response["content"]) == {PROBLEM}, f"{name}: {status}"


def test_every_part_of_a_path_is_a_documented_parameter(contract: Json) -> None:
    for name, path, operation in operations(contract):
        documented = {
            parameter["name"]
            for parameter in operation.get("parameters", [])
            if parameter["in"] == "path" and parameter["required"] and parameter["schema"]
        }
        assert documented == set(re.findall(r"{(\w+)}", path)), name


def shows(contract: Json, schema: Json) -> bool:
    """Tell whether a reader sees what to write: an example, or a list of the possible values."""
    schema = {**resolved(contract, schema), **schema}
    if schema.keys() & {"example", "examples", "enum", "const", "default"}:
        return True
    if schema.get("type") == "null":
        return False
    if schema.get("type") == "boolean":
        return True
    if "properties" in schema:
        return all(shows(contract, one) for one in schema["properties"].values())
    if "items" in schema:
        return shows(contract, schema["items"])
    alternatives = schema.get("anyOf", schema.get("oneOf", []))
    return any(shows(contract, one) for one in alternatives)


def test_a_body_is_shown_by_examples(contract: Json) -> None:
    """All that must be sent is shown, and of a merge patch something that may be."""
    missing = []
    for name, _, operation in operations(contract):
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            schema = {**content, **resolved(contract, content["schema"])}
            if schema.keys() & {"example", "examples"}:
                continue
            fields = schema.get("properties", {})
            shown = {field for field, one in fields.items() if shows(contract, one)}
            wanted = set(schema.get("required", ())) or {"at least one field"}
            if not (shown >= wanted or (shown and "required" not in schema)):
                missing.append(f"{name} ({media_type}): {sorted(wanted - shown)}")
    assert missing == []


def test_names_are_written_as_promised(contract: Json) -> None:
    for path in contract["paths"]:
        for step in path.strip("/").split("/"):
            assert re.fullmatch(r"{[a-z_]+}|[a-z0-9-]+|\.well-known|jwks\.json", step), path
    for name, schema in contract["components"]["schemas"].items():
        for field in schema.get("properties", ()):
            assert re.fullmatch(r"[a-z][a-z0-9_]*", field), f"{name}.{field}"


def test_a_schema_has_a_name_that_is_a_clients_class(contract: Json) -> None:
    """Two models of one name get their modules' names before it, which generators don't take."""
    assert [name for name in contract["components"]["schemas"] if "__" in name] == []


def test_a_patch_is_a_merge_patch(contract: Json) -> None:
    for name, _, operation in operations(contract):
        if name.startswith("PATCH"):
            assert set(operation["requestBody"]["content"]) == {"application/merge-patch+json"}


def test_every_answer_is_an_object_at_the_top(contract: Json) -> None:
    for name, _, operation in operations(contract):
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                if status < "300" and media_type == "application/json":
                    schema = resolved(contract, content["schema"])
                    shapes = [resolved(contract, one) for one in schema.get("anyOf", [schema])]
                    assert {shape["type"] for shape in shapes} == {"object"}, f"{name}: {status}"


def test_a_list_comes_in_pages(contract: Json) -> None:
    for name, schema in contract["components"]["schemas"].items():
        if name.startswith("Page_"):
            assert {"items", "next"} <= schema["properties"].keys(), name
