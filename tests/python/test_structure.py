"""The shape of the project, over its manifest: the rules of dbt-project-evaluator, and what a layer may read."""

import re
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

FAN_OUT, VIEWS_IN_A_ROW = 3, 4
NAMES = {
    "staging": r"stg_(\w+?)__\w+",
    "intermediate": r"int_\w+",
    "marts": r"(fct|dim)_\w+|\w+_daily|\w+_monthly|quarantined_lines|ingestion_state"
    r"|ticket_log_health|agent_call_ranking|vehicle_service_history|source_agreement|source_disagreements",
}
REJOINED = {
    # Most records stand in their one line; the few others are added to them. To hand all on would store all twice.
    ("stg_ticket_updates__lines", "int_repeated_updates", "int_ticket_updates"),
    ("stg_support_logs__lines", "int_repeated_support_logs", "int_support_logs"),
    ("stg_calls__lines", "int_repeated_calls", "int_calls"),
    ("stg_service_records__lines", "int_repeated_service_records", "int_service_records"),
}
READS = {
    "staging": {"source", "seed"},
    "intermediate": {"seed", "staging", "intermediate"},
    "marts": {"seed", "staging", "intermediate", "marts"},
}


class Lineage:
    """The project's models, and what each reads: `kind` is the layer of a model, or source or seed."""

    def __init__(self, manifest):
        nodes = {**manifest["nodes"], **manifest["sources"]}
        self.nodes = {key: node for key, node in nodes.items() if node["package_name"] == "ticketlake"}
        self.models = {key: node for key, node in self.nodes.items() if node["resource_type"] == "model"}
        self.parents = {key: set(node["depends_on"]["nodes"]) for key, node in self.models.items()}
        self.children = {key: {child for child in self.models if key in self.parents[child]} for key in self.nodes}

    def kind(self, key):
        node = self.nodes[key]
        return node["fqn"][1] if node["resource_type"] == "model" else node["resource_type"]

    def views_in_a_row(self, key):
        """How many views, this one included, stand on one another above it."""
        if key not in self.models or self.models[key]["config"]["materialized"] not in ("view", "ephemeral"):
            return 0
        return 1 + max(self.views_in_a_row(parent) for parent in self.parents[key])


@pytest.fixture(scope="module")
def lineage(manifest):
    return Lineage(manifest)


def names(lineage, keys):
    return sorted(lineage.nodes[key]["name"] for key in keys)


def test_a_layer_reads_only_what_comes_before_it(lineage):
    skipping = [
        (lineage.models[child]["name"], lineage.nodes[parent]["name"])
        for child, parents in lineage.parents.items()
        for parent in parents
        if lineage.kind(parent) not in READS[lineage.kind(child)]
    ]
    assert skipping == []


def test_every_model_reads_something_and_names_it_by_ref(lineage):
    assert names(lineage, [key for key, parents in lineage.parents.items() if not parents]) == []
    written_out = [
        node["name"]
        for node in lineage.models.values()
        if re.search(r"(?<!distinct )\b(?:from|join)\s+\w+\.\w+", node["raw_code"])
    ]
    assert written_out == []


def test_a_source_is_read_by_one_staging_model_and_is_watched(lineage):
    sources = {key: node for key, node in lineage.nodes.items() if node["resource_type"] == "source"}
    for key, source in sources.items():
        assert len(lineage.children[key]) == 1, source["name"]
        assert source["freshness"]["warn_after"]["count"] and source["loaded_at_query"], source["name"]
        assert source["description"] and source["source_description"], source["name"]
    read = Counter(child for key in sources for child in lineage.children[key])
    assert [lineage.nodes[key]["name"] for key, count in read.items() if count > 1] == []
    assert len({source["identifier"] for source in sources.values()}) == len(sources)


def test_no_model_fans_out_into_more_than_three_leaves(lineage):
    leaves = {key for key in lineage.models if not lineage.children[key]}
    fanned = {
        lineage.models[key]["name"]: names(lineage, lineage.children[key] & leaves)
        for key in lineage.models
        if len(lineage.children[key] & leaves) > FAN_OUT
    }
    assert fanned == {}


def test_views_do_not_stand_on_many_views(lineage):
    assert names(lineage, [key for key in lineage.models if lineage.views_in_a_row(key) > VIEWS_IN_A_ROW]) == []


def test_nothing_is_read_again_beside_the_only_model_that_reads_it(lineage):
    """A step that one model reads, together with what the step was made of, could have handed those columns on."""
    steps = {key for key, node in lineage.models.items() if node["access"] != "public"}
    rejoined = {
        tuple(lineage.models[key]["name"] for key in (parent, child, grandchild))
        for parent, child in product(lineage.models, repeat=2)
        if child in lineage.children[parent] & steps and len(lineage.children[child]) == 1
        for grandchild in lineage.children[child]
        if grandchild in lineage.children[parent]
    }
    assert rejoined == REJOINED


def test_names_and_folders_say_the_layer(lineage):
    for node in lineage.models.values():
        layer, name = node["fqn"][1], node["name"]
        assert re.fullmatch(NAMES[layer], name), name
        assert Path(node["original_file_path"]).name == f"{name}.sql"
        assert node["patch_path"] == f"ticketlake://models/{layer}/{name}.yml"


def test_what_is_public_has_a_contract_and_all_else_is_not(lineage):
    for node in lineage.models.values():
        is_mart = node["fqn"][1] == "marts"
        assert (node["access"] == "public") == is_mart, node["name"]
        assert node["config"]["contract"]["enforced"] == is_mart, node["name"]
        assert not is_mart or all(column["data_type"] for column in node["columns"].values()), node["name"]


def test_every_model_belongs_to_a_group(lineage):
    assert [node["name"] for node in lineage.models.values() if not node["group"]] == []


def test_every_version_of_a_model_is_found_by_its_name(lineage):
    """The latest has the name alone, so that who reads tables need not know of versions."""
    for node in lineage.models.values():
        if node["version"] and node["version"] == node["latest_version"]:
            assert node["alias"] == node["name"]


def test_exposures_stand_on_public_models(manifest, lineage):
    for exposure in manifest["exposures"].values():
        assert all(lineage.models[key]["access"] == "public" for key in exposure["depends_on"]["nodes"]), exposure[
            "name"
        ]


def test_every_model_is_tested(manifest, lineage):
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    tests += manifest["unit_tests"].values()
    tested = {key for test in tests for key in test["depends_on"]["nodes"]}
    assert names(lineage, lineage.models.keys() - tested) == []
