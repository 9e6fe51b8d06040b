"""What dbt does not check itself: YAML by its schema; a description, key and contract for all that should have one."""

import re
from pathlib import Path

import pytest
import yaml
from dbt.jsonschemas.jsonschemas import CustomDraft7Validator, project_schema, resources_schema

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("models", "seeds", "macros", "tests", "analyses")
PROPERTIES = sorted(path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.yml"))
CUT_AT = {"model": 2048, "column": 255}  # Athena keeps no more of a comment.

# A line may land more than once, two things may happen to a ticket at once, and as_of is one row.
LINES = {"stg_ticket_updates__lines", "stg_support_logs__lines", "stg_calls__lines", "stg_service_records__lines"}
WITHOUT_KEY = {*LINES, "int_ticket_events", "int_as_of"}


def ours(manifest, kind):
    """The project's own resources of a kind, by name."""
    parts = ("nodes", "sources", "macros", "semantic_models", "metrics")
    found = [node for part in parts for node in manifest[part].values()]
    return {
        node["name"]: node for node in found if node["package_name"] == "ticketlake" and node["resource_type"] == kind
    }


def violations(schema, path):
    """What dbt's schema objects to, but for two names.

    1.11's schema takes a version's `defined_in` for an object, and does not know the `type_params` of metrics, without
    which 1.11 parses none: that schema is already the next version's. Parsing is strict about what is in them.
    """
    found = CustomDraft7Validator(schema).iter_errors(yaml.safe_load(path.read_text()))
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in found
        if error.absolute_path[-1] != "defined_in"
        and not (error.absolute_path[0] == "metrics" and error.message.endswith("('type_params' was unexpected)"))
    ]


@pytest.mark.parametrize("path", PROPERTIES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_properties_are_what_the_schema_of_dbt_allows(path):
    assert violations(resources_schema(), path) == []


def test_the_project_file_is_what_the_schema_of_dbt_allows():
    assert violations(project_schema(), PROJECT / "dbt_project.yml") == []


def test_everything_is_described(manifest):
    described = {}
    for kind in ("model", "seed", "source", "macro", "test", "semantic_model", "metric"):
        for name, node in ours(manifest, kind).items():
            if kind == "test" and node.get("test_metadata"):
                continue
            if kind == "macro" and re.match(r"(duckdb|athena)__", name):
                continue
            described[f"{kind} {name}"] = node["description"]
            for column in node.get("columns", {}).values():
                described[f"column {name}.{column['name']}"] = column["description"]
    assert [name for name, text in described.items() if not text] == []
    assert [name for name, text in described.items() if len(text) > CUT_AT.get(name.split()[0], len(text))] == []


def test_macros_describe_their_arguments(manifest):
    for name, macro in ours(manifest, "macro").items():
        signature = re.search(r"{%-?\s*(?:macro|test)\s+\w+\((.*?)\)\s*-?%}", macro["macro_sql"], re.DOTALL)
        arguments = [argument.split("=")[0].strip() for argument in signature[1].split(",") if argument.strip()]
        if not re.match(r"(duckdb|athena)__", name):
            assert [argument["name"] for argument in macro["arguments"]] == arguments, name
            assert all(argument["type"] and argument["description"] for argument in macro["arguments"]), name


def test_every_model_has_its_key_tested(manifest):
    tested = {
        manifest["nodes"][node["attached_node"]]["name"]
        for node in ours(manifest, "test").values()
        if node.get("test_metadata", {}).get("name") == "primary_key"
    }
    assert set(ours(manifest, "model")) - tested == WITHOUT_KEY
