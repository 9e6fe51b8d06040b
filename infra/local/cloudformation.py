"""The resources of Glue and Athena in a CloudFormation stack, which moto leaves out without a word.

Importing this module is what makes moto know them.
"""

from __future__ import annotations

from typing import Any

from moto.athena.models import athena_backends
from moto.core.common_models import CloudFormationModel
from moto.glue.models import glue_backends


class _Resource(CloudFormationModel):
    """A resource that its physical id names."""

    def __init__(self, name: str):
        self.physical_resource_id = name

    @staticmethod
    def cloudformation_type() -> str:
        return ""

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return False

    def is_created(self) -> bool:
        return True

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource: Any, new_resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> Any:
        original_resource.delete(account_id, region_name)
        return cls.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)


# moto finds the direct subclasses of CloudFormationModel only: each names it, after the class with what they share.


class WorkGroup(_Resource, CloudFormationModel):
    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Athena::WorkGroup"

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> WorkGroup:
        given = cloudformation_json["Properties"]
        backend = athena_backends[account_id][region_name]
        made = backend.create_work_group(
            resource_name,
            _typed(given.get("WorkGroupConfiguration", {})),
            given.get("Description", ""),
            given.get("Tags", []),
        )
        if made is None:
            raise ValueError(f"WorkGroup {resource_name} already exists")
        made.state = given.get("State", "ENABLED")
        return cls(resource_name)

    def delete(self, account_id: str, region_name: str) -> None:
        athena_backends[account_id][region_name].delete_work_group(self.physical_resource_id)


class Database(_Resource, CloudFormationModel):
    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Glue::Database"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> Database:
        given = cloudformation_json["Properties"]
        database = given["DatabaseInput"]
        name = given.get("DatabaseName") or database.get("Name") or resource_name.lower()
        glue_backends[account_id][region_name].create_database(name, database | {"Name": name})
        return cls(name)

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource: Any, new_resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> Database:
        name = original_resource.physical_resource_id
        database = cloudformation_json["Properties"]["DatabaseInput"] | {"Name": name}
        glue_backends[account_id][region_name].update_database(name, database)
        return original_resource

    def delete(self, account_id: str, region_name: str) -> None:
        glue_backends[account_id][region_name].databases.pop(self.physical_resource_id, None)


class Table(_Resource, CloudFormationModel):
    def __init__(self, name: str, database: str):
        super().__init__(name)
        self.database = database

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Glue::Table"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> Table:
        database, table = _table(cloudformation_json)
        name = table.setdefault("Name", resource_name.lower())
        glue_backends[account_id][region_name].create_table(database, name, table)
        return cls(name, database)

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource: Any, new_resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> Table:
        database, table = _table(cloudformation_json)
        name = original_resource.physical_resource_id
        glue_backends[account_id][region_name].update_table(database, name, table | {"Name": name})
        return original_resource

    def delete(self, account_id: str, region_name: str) -> None:
        database = glue_backends[account_id][region_name].databases.get(self.database)
        if database is not None:
            database.tables.pop(self.physical_resource_id, None)


class _Accepted(_Resource):
    """A resource that nothing here depends on: it is known by its name and does nothing."""

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> _Accepted:
        return cls(resource_name)

    def delete(self, account_id: str, region_name: str) -> None:
        pass


# moto would read a policy that refuses unencrypted connections as one that refuses all.
class BucketPolicy(_Accepted, CloudFormationModel):
    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::S3::BucketPolicy"


class TopicPolicy(_Accepted, CloudFormationModel):
    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::SNS::TopicPolicy"


class BuildProject(_Accepted, CloudFormationModel):
    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::CodeBuild::Project"

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"


def _table(cloudformation_json: Any) -> tuple[str, dict[str, Any]]:
    given = cloudformation_json["Properties"]
    table = dict(given["TableInput"])
    parameters = table.get("Parameters") or {}
    return given["DatabaseName"], table | {"Parameters": {key: str(value) for key, value in parameters.items()}}


def _typed(configuration: dict[str, Any]) -> dict[str, Any]:
    """A template's parameters arrive as text."""

    def typed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: typed(inner) for key, inner in value.items()}
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        return int(value) if isinstance(value, str) and value.isdigit() else value

    return typed(configuration)
