import json
import os
import subprocess

import pytest
from lakes import PROJECT, Dbt, Lake

from bench.stand_in import aws_stand_in


@pytest.fixture(scope="session")
def manifest(tmp_path_factory):
    """The manifest of a parse in which deprecations are errors."""
    target = tmp_path_factory.mktemp("target")
    command = ["dbt", "parse", "--no-partial-parse", "--profiles-dir", "profiles"]
    command += ["--warn-error-options", '{"error": ["Deprecations"]}']
    environment = os.environ | {"LAKE": str(target), "DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)}
    parsed = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert parsed.returncode == 0, parsed.stdout
    assert "[WARNING]" not in parsed.stdout, parsed.stdout
    return json.loads((target / "manifest.json").read_text())


@pytest.fixture(scope="session")
def dbt(tmp_path_factory):
    """Runs dbt on the project."""
    runner = Dbt(tmp_path_factory.mktemp("dbt"))
    yield runner
    runner.close()


@pytest.fixture
def lake(tmp_path):
    """An empty lake."""
    return Lake(tmp_path / "lake")


@pytest.fixture(scope="session")
def aws_environment():
    """What leads to a stand-in for S3 and DynamoDB."""
    with aws_stand_in() as environment:
        yield environment


@pytest.fixture
def aws(aws_environment, monkeypatch):
    """The same, set for a test."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in aws_environment.items():
        monkeypatch.setenv(name, value)
    return aws_environment
