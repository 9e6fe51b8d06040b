"""python -m infra.stack deploy|undeploy: the CloudFormation stack of stack.yml, and the project for its daily build."""

from __future__ import annotations

import argparse
import io
import shlex
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from infra import aws

PROJECT = Path(__file__).resolve().parents[1]
TEMPLATE = Path(__file__).with_name("stack.yml")
SETTINGS = {
    "WorkGroup": "TICKETLAKE_WORK_GROUP",
    "Results": "TICKETLAKE_RESULTS",
    "Curated": "TICKETLAKE_CURATED",
    "Raw": "TICKETLAKE_RAW",
    "Schema": "TICKETLAKE_SCHEMA",
    "RawSchema": "TICKETLAKE_RAW_SCHEMA",
    "Region": "AWS_REGION",
}
# What a build needs of the project.
_PARTS = (
    "Makefile", "dbt_project.yml", "profiles.yml", "selectors.yml", "analyses", "curated", "docs", "lookup",
    "infra/*.py", "infra/buildspec.yml", "locks", "macros", "models", "profiles", "seeds", "tests/generic",
    "tests/seeds", "tests/*.sql", "tests/*.yml",
)  # fmt: skip
_MADE = ("Results", "Curated", "Project")

Client = Callable[[str], Any]


class Stack:
    def __init__(self, name: str, client: Client = aws.client):
        self.name = name
        self.client = client
        self.stacks = client("cloudformation")

    def state(self) -> dict[str, Any] | None:
        try:
            return self.stacks.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def outputs(self) -> dict[str, str]:
        found = self.state() or {}
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def settings(self) -> dict[str, str]:
        """The variables to set, by name."""
        outputs = self.outputs()
        return {variable: outputs[output] for output, variable in SETTINGS.items()}

    def deploy(self, **parameters: str) -> None:
        """Makes the stack, or brings it up to date; parameters that are not given stay as they are."""
        state = self.state()
        if state is None:
            self._change("create", {}, parameters, OnFailure="DELETE")
        elif state["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
            raise aws.Refused(
                f"Stack {self.name} is {state['StackStatus']}, from which it can only be deleted: make undeploy, then "
                "make deploy."
            )
        elif state["StackStatus"].endswith("_IN_PROGRESS"):
            raise aws.Refused(f"Stack {self.name} is {state['StackStatus']}. Wait for it to end, then deploy again.")
        else:
            kept = {given["ParameterKey"]: given["ParameterValue"] for given in state.get("Parameters", [])}
            self._change("update", kept, parameters)

    def _change(self, kind: str, kept: dict[str, str], parameters: dict[str, str], **more: Any) -> None:
        template = TEMPLATE.read_text(encoding="utf-8")
        summary = self.stacks.get_template_summary(TemplateBody=template)
        known = sorted(parameter["ParameterKey"] for parameter in summary["Parameters"])
        if unknown := sorted(parameters.keys() - known):
            raise aws.Refused(f"{unknown[0]} is no parameter of {TEMPLATE.name}. There are: {', '.join(known)}")
        given = {key: value for key, value in (kept | parameters).items() if key in known}
        try:
            changed = getattr(self.stacks, f"{kind}_stack")(
                StackName=self.name,
                TemplateBody=template,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
                Capabilities=["CAPABILITY_IAM"],
                **more,
            )
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return
            raise
        self._wait(f"stack_{kind}_complete", changed["StackId"])

    def _wait(self, event: str, stack: str) -> None:
        """Waits for the end of a change. The stack is named by its id, which outlives it."""
        try:
            self.stacks.get_waiter(event).wait(StackName=stack, WaiterConfig={"Delay": 5, "MaxAttempts": 360})
        except WaiterError as error:
            raise aws.Refused(f"CloudFormation could not do it:\n{self._reasons(stack)}") from error

    def _reasons(self, stack: str) -> str:
        """What failed since the change was asked for; the latest event comes first."""
        events = self.stacks.describe_stack_events(StackName=stack)["StackEvents"]
        failed = []
        for event in events:
            reason = event.get("ResourceStatusReason", "")
            if reason == "User Initiated":
                break
            if event["ResourceStatus"].endswith("_FAILED"):
                failed.insert(0, f"- {event['LogicalResourceId']}: {reason}")
        return "\n".join(failed) or f"No reason is given; see the events of stack {self.name} in the console."

    def put_project(self, folder: Path = PROJECT) -> None:
        """Puts the project where the daily build takes it from."""
        self.client("s3").put_object(Bucket=self.outputs()["Project"], Key="project.zip", Body=zipped(folder))

    def undeploy(self, with_raw: bool = False) -> str | None:
        """Removes the stack and all that dbt made. Returns where landings stay."""
        state, outputs = self.state(), self.outputs()
        if state is None:
            raise aws.Refused(
                f"There is no stack {self.name} in {self.stacks.meta.region_name}. "
                "Name another: make undeploy STACK=NAME"
            )
        for output in _MADE:
            if output in outputs:
                self._empty(_bucket(outputs[output]))
        self.stacks.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete", state["StackId"])
        if not with_raw:
            return outputs.get("Raw")
        if "Raw" in outputs:
            self._empty(_bucket(outputs["Raw"]), prefix="raw/")
            self._remove(_bucket(outputs["Raw"]))
        return None

    def _empty(self, bucket: str, prefix: str = "") -> None:
        s3 = self.client("s3")
        try:
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
                found = page.get("Versions", []) + page.get("DeleteMarkers", [])
                if not found:
                    continue
                keys = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]
                errors = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True}).get("Errors", [])
                if errors:
                    raise aws.Refused(f"s3://{bucket}/{errors[0]['Key']} cannot be removed: {errors[0]['Message']}")
        except ClientError as error:
            if aws.code(error) != "NoSuchBucket":
                raise

    def _remove(self, bucket: str) -> None:
        """Removes a bucket, unless it holds something else."""
        try:
            self.client("s3").delete_bucket(Bucket=bucket)
        except ClientError as error:
            if aws.code(error) not in ("BucketNotEmpty", "NoSuchBucket"):
                raise


def _bucket(output: str) -> str:
    return output.removeprefix("s3://").split("/")[0]


def zipped(folder: Path) -> bytes:
    """What a build needs of the project. The same files give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(
            {path for part in _PARTS for found in folder.glob(part) for path in [found, *found.rglob("*")]}
        ):
            if path.is_file() and "__pycache__" not in path.parts:
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _parameters(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := [name + sign for name, sign, _ in pairs if not sign]:
        raise aws.Refused(f"{wrong[0]} has no value. Write NAME=VALUE: make deploy PARAMETERS='FirstDay=2026-01-01'")
    return {name: value for name, _, value in pairs}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.stack", description=__doc__.split(": ")[1])
    parser.add_argument("action", choices=["deploy", "undeploy"])
    parser.add_argument("--name", default="ticketlake", help="of the stack and its work group (%(default)s)")
    parser.add_argument("--with-raw", action="store_true", help="undeploy: remove what has landed, too")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="deploy: parameters of stack.yml")
    arguments = parser.parse_intermixed_args()
    account = aws.client("sts").get_caller_identity()["Account"]
    stack = Stack(arguments.name)
    where = f"stack {arguments.name} in {aws.region()} of account {account}"
    if arguments.action == "undeploy":
        print(f"Removing {where}", file=sys.stderr)
        kept = stack.undeploy(arguments.with_raw)
        if kept:
            print(
                f"Landings stay in {kept}. To build on them again: make deploy PARAMETERS=RawBucket={_bucket(kept)}",
                file=sys.stderr,
            )
        return 0
    print(f"Deploying {where}; a few minutes the first time", file=sys.stderr)
    stack.deploy(**_parameters(arguments.parameters))
    stack.put_project()
    outputs = stack.outputs()
    for role in ("Loader", "Transformer", "Reader"):
        print(f"# {role.lower()}: {outputs[role]}")
    for variable, value in stack.settings().items():
        print(f"export {variable}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    aws.run(main)
