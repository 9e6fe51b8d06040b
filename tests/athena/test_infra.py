"""infra/stack.yml and what deploys it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import uuid
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml
from moto.cloudformation.parsing import get_model_map

from infra import aws
from infra.local.server import Endpoint
from infra.stack import SETTINGS, TEMPLATE, Stack, zipped

ROOT = Path(__file__).resolve().parents[2]
FEEDS = ("ticket_updates", "support_logs", "calls", "service_records")


class _Loader(yaml.SafeLoader):
    """Reads a template, its functions as dictionaries."""


def _function(loader, suffix, node):
    kinds = {yaml.ScalarNode: "construct_scalar", yaml.SequenceNode: "construct_sequence"}
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    return {name: getattr(loader, kinds.get(type(node), "construct_mapping"))(node)}


_Loader.add_multi_constructor("!", _function)


@pytest.fixture(scope="module")
def resources() -> dict[str, dict]:
    return yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]


def of_type(resources, kind):
    return {name: resource for name, resource in resources.items() if resource["Type"] == kind}


# ---------- the template


def test_cfn_lint_finds_nothing():
    linted = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), TEMPLATE], capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_stand_in_knows_every_kind_of_resource(resources):
    assert {resource["Type"] for resource in resources.values()} <= get_model_map().keys()


def test_every_bucket_is_private_encrypted_and_reached_over_tls_only(resources):
    buckets = of_type(resources, "AWS::S3::Bucket")
    assert buckets.keys() == {"Raw", "Curated", "Results", "Project"}
    for name, bucket in buckets.items():
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, name
        assert len(properties["PublicAccessBlockConfiguration"]) == 4, name
        assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"], name
        rules = properties["LifecycleConfiguration"]["Rules"]
        assert any("AbortIncompleteMultipartUpload" in rule for rule in rules), name
        assert all(rule["Status"] == "Enabled" for rule in rules), name
        ((policy,),) = (
            found["Properties"]["PolicyDocument"]["Statement"]
            for found in of_type(resources, "AWS::S3::BucketPolicy").values()
            if found["Properties"]["Bucket"] == {"Ref": name}
        )
        assert (policy["Effect"], policy["Principal"], policy["Action"]) == ("Deny", "*", "s3:*"), name
        assert policy["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, name
    raw = buckets["Raw"]
    assert raw["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert (raw["DeletionPolicy"], raw["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


# ---------- deploying it


@pytest.fixture
def stack(local) -> Stack:
    """A stack of a test's own, in no one's way; not there yet."""
    return Stack("t-" + uuid.uuid4().hex[:8], local.client)


def names(stack: Stack) -> dict[str, str]:
    return {"Schema": stack.name.replace("-", "_"), "RawSchema": stack.name.replace("-", "_") + "_raw"}


def test_a_deployed_stack_can_be_loaded_and_queried(stack, desk):
    stack.deploy(**names(stack), FirstDay="2026-01-02", MaxBytesScanned="20000000")
    settings = stack.settings()
    assert settings.keys() == set(SETTINGS.values())
    raw_bucket = settings["TICKETLAKE_RAW"].removeprefix("s3://").removesuffix("/raw")
    for feed in FEEDS:
        for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
            key = f"raw/{feed}/dt={day}/a.jsonl"
            desk.s3.put_object(Bucket=raw_bucket, Key=key, Body=f'{{"of": "{day}, {feed}, \\u00e9"}}\n'.encode())
        table = f"{settings['TICKETLAKE_RAW_SCHEMA']}.{feed}"
        done = desk.run(f"select line from {table}", WorkGroup=settings["TICKETLAKE_WORK_GROUP"])
        assert done["ResultConfiguration"]["OutputLocation"].startswith(settings["TICKETLAKE_RESULTS"] + "/")
        assert desk.rows(f"select line, dt from {table} order by dt") == [
            [f'{{"of": "2026-01-02, {feed}, \\u00e9"}}', "2026-01-02"],
            [f'{{"of": "2026-01-03, {feed}, \\u00e9"}}', "2026-01-03"],
        ]
    group = desk.athena.get_work_group(WorkGroup=settings["TICKETLAKE_WORK_GROUP"])["WorkGroup"]["Configuration"]
    assert (group["EnforceWorkGroupConfiguration"], group["BytesScannedCutoffPerQuery"]) == (True, 20_000_000)
    assert group["EngineVersion"]["SelectedEngineVersion"] == "Athena engine version 3"


def test_a_second_deployment_changes_nothing(stack):
    stack.deploy(**names(stack))
    before = stack.settings()
    stack.deploy()
    stack.put_project()
    stack.put_project()
    assert stack.settings() == before


def test_whoever_is_named_is_told_of_failures(stack, local):
    stack.deploy(**names(stack), FailureMail="desk@example.org")
    (subscription,) = [
        found for found in local.client("sns").list_subscriptions()["Subscriptions"] if stack.name in found["TopicArn"]
    ]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "desk@example.org")


def test_what_has_landed_outlives_the_stack_and_can_be_taken_up_again(stack, local):
    stack.deploy(**names(stack))
    stack.put_project()
    bucket = stack.settings()["TICKETLAKE_RAW"].removeprefix("s3://").removesuffix("/raw")
    s3 = local.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        s3.put_object(Bucket=bucket, Key="raw/ticket_updates/dt=2026-01-01/a.jsonl", Body=body)
    curated = stack.settings()["TICKETLAKE_CURATED"].removeprefix("s3://").split("/")[0]
    s3.put_object(Bucket=curated, Key="tables/a", Body=b"x")

    assert stack.undeploy() == f"s3://{bucket}/raw"
    assert stack.state() is None
    kept = [found["Name"] for found in s3.list_buckets()["Buckets"] if found["Name"].startswith(stack.name)]
    assert kept == [bucket]
    with pytest.raises(aws.Refused, match="There is no stack"):
        stack.undeploy()

    stack.deploy(**names(stack), RawBucket=bucket)
    assert stack.settings()["TICKETLAKE_RAW"] == f"s3://{bucket}/raw"
    assert stack.undeploy(with_raw=True) is None
    assert bucket not in [found["Name"] for found in s3.list_buckets()["Buckets"]]


def test_parameters_that_are_not_there_are_refused(stack):
    with pytest.raises(aws.Refused, match=r"FirstDya is no parameter of stack\.yml\. There are: FailureMail, FirstDay"):
        stack.deploy(FirstDya="2026-01-01")
    assert stack.state() is None


def test_a_stack_in_a_state_that_takes_no_change_is_told_of(stack, monkeypatch):
    for status, message in (("ROLLBACK_COMPLETE", "make undeploy"), ("UPDATE_IN_PROGRESS", "Wait for it to end")):
        monkeypatch.setattr(stack, "state", lambda status=status: {"StackStatus": status})
        with pytest.raises(aws.Refused, match=message):
            stack.deploy()


def test_the_reasons_of_a_change_that_failed_are_told(local):
    events = [
        ("Results", "DELETE_FAILED", "of an earlier change"),
        ("failing", "CREATE_IN_PROGRESS", "User Initiated"),
        ("Database", "CREATE_FAILED", "Database ticketlake already exists"),
        ("Raw", "CREATE_FAILED", "Resource creation cancelled"),
        ("WorkGroup", "CREATE_COMPLETE", ""),
    ]

    class Failing:
        """CloudFormation, where a stack fails and is rolled back."""

        def __getattr__(self, name):
            return getattr(local.client("cloudformation"), name)

        def create_stack(self, **_):
            return {"StackId": "id"}

        def describe_stacks(self, StackName):
            return {"Stacks": [{"StackStatus": "DELETE_COMPLETE", "StackName": StackName}]}

        def describe_stack_events(self, StackName):
            assert StackName == "id"
            keys = ("LogicalResourceId", "ResourceStatus", "ResourceStatusReason")
            return {"StackEvents": [dict(zip(keys, event, strict=True)) for event in events[::-1]]}

        def get_waiter(self, name):
            waiter = local.client("cloudformation").get_waiter(name)
            waiter._operation_method = lambda StackName: self.describe_stacks(StackName)
            return waiter

    stack = Stack("failing", local.client)
    stack.stacks = Failing()
    stack.state = lambda: None
    with pytest.raises(aws.Refused) as error:
        stack.deploy()
    assert str(error.value).splitlines()[1:] == [
        "- Database: Database ticketlake already exists",
        "- Raw: Resource creation cancelled",
    ]


def test_the_command_prints_what_to_set_and_nothing_else(stack, local):
    variables = os.environ | local.environment
    command = [sys.executable, "-m", "infra.stack", "deploy", "--name", stack.name]
    command += [f"{key}={value}" for key, value in names(stack).items()]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("# ")]
    assert lines == [f"export {name}={value}" for name, value in stack.settings().items()]
    assert f"stack {stack.name} in eu-central-1 of account" in done.stderr


def test_without_credentials_it_says_how_to_log_in(tmp_path):
    variables = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    variables |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path), "AWS_REGION": "eu-central-1"}
    command = [sys.executable, "-m", "infra.stack", "deploy"]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("No AWS credentials were found.") and "make athena-local" in done.stderr


# ---------- the project for the daily build


def dbt(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TICKETLAKE_", "DBT_"))}
    return subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            "--no-use-colors",
            "parse",
            "--no-partial-parse",
            "--target",
            "athena",
            *arguments,
        ],
        cwd=folder,
        env=variables | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_zip_holds_the_project_and_nothing_of_its_user(tmp_path, local):
    content = zipped(ROOT)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path)
    assert zipped(tmp_path) == content
    tops = {path.name for path in tmp_path.iterdir()}
    assert not tops & {".git", ".venv", "lake", "target", "logs"}
    assert {"Makefile", "locks", "profiles.yml"} <= tops
    commands = re.findall(r"python -m ([\w.]+)", (tmp_path / "infra/buildspec.yml").read_text())
    assert "curated" in commands
    for module in commands:
        path = tmp_path / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
    parsed = dbt(tmp_path, local.environment)
    assert parsed.returncode == 0, parsed.stdout


@pytest.mark.parametrize("name", ["AWS_REGION", "TICKETLAKE_WORK_GROUP", "TICKETLAKE_RESULTS", "TICKETLAKE_CURATED"])
def test_a_setting_that_is_missing_is_named_with_what_to_do(tmp_path, local, name):
    environment = {key: value for key, value in local.environment.items() if key not in (name, "AWS_DEFAULT_REGION")}
    parsed = dbt(ROOT, environment, "--target-path", str(tmp_path), "--log-path", str(tmp_path))
    assert parsed.returncode == 2
    assert f"Env var required but not provided: '{name}: " in parsed.stdout
    assert "export AWS_REGION" in parsed.stdout or "make deploy and make athena-local" in parsed.stdout


# ---------- who may do what


class Role:
    """What the policies of a role of the stack allow. Conditions are taken as met."""

    def __init__(self, local, role: dict):
        iam, stacks = local.client("iam"), local.client("cloudformation")
        self.statements = []
        for policy in role["Properties"]["ManagedPolicyArns"]:
            arn = stacks.describe_stack_resource(StackName=local.stack.name, LogicalResourceId=policy["Ref"])[
                "StackResourceDetail"
            ]["PhysicalResourceId"]
            found = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
            self.statements += found["Document"]["Statement"]

    def may(self, action: str, resource: str) -> bool:
        def matches(given, value):
            return any(fnmatchcase(value, pattern) for pattern in ([given] if isinstance(given, str) else given))

        assert all(statement["Effect"] == "Allow" for statement in self.statements)
        return any(
            matches(statement["Action"], action) and matches(statement["Resource"], resource)
            for statement in self.statements
        )


@pytest.fixture(scope="module")
def roles(local, resources) -> dict[str, Role]:
    return {name: Role(local, resources[name]) for name in MAY}


MAY = {
    "Loader": {"put raw", "list raw"},
    "Transformer": {
        "get raw", "list raw", "get table", "put table", "delete table", "list table", "get result", "put result",
        "delete result", "query", "read tables", "change tables", "read raw tables",
    },
    "Reader": {"get table", "list table", "get result", "put result", "query", "read tables"},
}  # fmt: skip


@pytest.mark.parametrize("name", MAY)
def test_a_role_may_do_its_work_and_nothing_else(roles, local, name):
    outputs = local.stack.outputs()
    places = {"raw": outputs["Raw"], "table": outputs["Curated"], "result": outputs["Results"]}
    arns = {kind: place.replace("s3://", "arn:aws:s3:::") for kind, place in places.items()}
    glue = "arn:aws:glue:eu-central-1:123456789012:table/"
    group = "arn:aws:athena:eu-central-1:123456789012:workgroup/"
    asked = {
        f"{verb} {kind}": (f"s3:{verb.title()}Object", f"{arn}/x")
        for verb in ("get", "put", "delete")
        for kind, arn in arns.items()
    }
    asked |= {f"list {kind}": ("s3:ListBucket", arns[kind].rsplit("/", 1)[0]) for kind in ("raw", "table")}
    asked |= {
        "query": ("athena:StartQueryExecution", group + outputs["WorkGroup"]),
        "query elsewhere": ("athena:StartQueryExecution", group + "primary"),
        "read tables": ("glue:GetTable", f"{glue}ticketlake/fct_tickets"),
        "change tables": ("glue:UpdateTable", f"{glue}ticketlake/fct_tickets"),
        "read raw tables": ("glue:GetTable", f"{glue}ticketlake_raw/ticket_updates"),
        "change raw tables": ("glue:UpdateTable", f"{glue}ticketlake_raw/ticket_updates"),
        "drop raw tables": ("glue:DeleteTable", f"{glue}ticketlake_raw/ticket_updates"),
        "read other tables": ("glue:GetTable", f"{glue}other/t"),
        "change other tables": ("glue:DeleteTable", f"{glue}other/t"),
        "change the group": ("athena:UpdateWorkGroup", group + outputs["WorkGroup"]),
        "undo versions": ("s3:DeleteObjectVersion", f"{arns['raw']}/x"),
        "read the project": ("s3:GetObject", f"arn:aws:s3:::{outputs['Project']}/project.zip"),
        "change the project": ("s3:PutObject", f"arn:aws:s3:::{outputs['Project']}/project.zip"),
    }
    assert {ask for ask, (action, resource) in asked.items() if roles[name].may(action, resource)} == MAY[name]


def test_the_loader_may_put_new_files_only(roles):
    puts = [statement for statement in roles["Loader"].statements if statement["Action"] == "s3:PutObject"]
    assert [statement["Condition"] for statement in puts] == [
        {"Null": {"s3:if-none-match": "false"}},
        {"Bool": {"s3:ObjectCreationOperation": "false"}},
    ]


# ---------- what a build asks of AWS


def asked_of_aws(environ: dict) -> set[tuple[str, str]]:
    """Actions and resources, as a policy names them, of a request by dbt or by the engine for it."""
    agent = environ.get("HTTP_USER_AGENT", "")
    if "dbt-athena" not in agent and "aws-sdk-java" not in agent:
        return set()
    service, _, action = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
    body = environ["wsgi.input"].getvalue()
    if service == "AWSGlue":
        given = json.loads(body)
        database = given.get("DatabaseName") or given.get("Name")
        table = given.get("TableInput", {}).get("Name") or given.get("TableName") or given.get("Name")
        kind = "catalog" if action == "GetDatabases" else f"database/{database}"
        if "DatabaseName" in given:
            kind = f"table/{database}/{'*' if action == 'GetTables' else table}"
        return {(f"glue:{action}", f"arn:aws:glue:eu-central-1:123456789012:{kind}")}
    if service == "AmazonAthena":
        group = json.loads(body).get("WorkGroup", "ticketlake")
        return {(f"athena:{action}", f"arn:aws:athena:eu-central-1:123456789012:workgroup/{group}")}
    if "/s3/" not in environ.get("HTTP_AUTHORIZATION", ""):
        return set()
    path, query = environ["PATH_INFO"].lstrip("/"), environ["QUERY_STRING"]
    bucket, _, key = path.partition("/")
    if environ["REQUEST_METHOD"] == "POST" and query == "delete":
        keys = re.findall(r"<Key>([^<]+)</Key>", body.decode())
        return {("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{key}") for key in keys}
    verbs = {"GET": "Get", "HEAD": "Get", "PUT": "Put", "POST": "Put", "DELETE": "Delete"}
    if key:
        return {(f"s3:{verbs[environ['REQUEST_METHOD']]}Object", f"arn:aws:s3:::{bucket}/{key}")}
    return {("s3:GetBucketLocation" if query.startswith("location") else "s3:ListBucket", f"arn:aws:s3:::{bucket}")}


def test_the_transformer_may_do_all_that_a_build_asks_for(local, roles, athena_dbt, athena_lake, monkeypatch):
    asked, serve = set(), Endpoint.__call__

    def recording(self, environ, start_response):
        asked.update(asked_of_aws(environ))
        return serve(self, environ, start_response)

    monkeypatch.setattr(Endpoint, "__call__", recording)
    # The stack has made the database.
    local.client("glue").create_database(DatabaseInput={"Name": athena_lake.schema})
    # An incremental table and one that is made anew, twice; seeds and what the hooks keep.
    for day, seeds in (("2026-01-01", "+"), ("2026-01-02", "")):
        athena_lake.land({f"dt={day}/a.jsonl": LINE.replace("DAY", day).encode()})
        athena_dbt.build(athena_lake, "--select", f"{seeds}stg_ticket_updates__lines", "dim_markets")
    assert {
        "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "glue:CreateTable", "glue:UpdateTable",
        "glue:DeleteTable", "athena:StartQueryExecution", "athena:GetWorkGroup",
    } <= {action for action, _ in asked}  # fmt: skip
    refused = sorted({ask for ask in asked if not roles["Transformer"].may(*ask)})
    assert refused == []
    raw = local.stack.outputs()["Raw"].replace("s3://", "arn:aws:s3:::")
    assert {action for action, resource in asked if resource.startswith(raw)} == {"s3:GetObject"}


LINE = (
    '{"ticket_id": "T-DAY", "updated_at": "DAYT09:15:00Z", "created_at": "DAYT09:15:00Z", "status": "new", '
    '"severity": "P2", "market": "DE"}\n'
)
