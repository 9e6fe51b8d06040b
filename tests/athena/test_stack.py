"""A CloudFormation stack's databases, tables and work groups can be queried."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from scratch import RESULTS_BUCKET


def template(desk) -> str:
    return json.dumps(
        {
            "Parameters": {"Cutoff": {"Type": "Number", "Default": 20_000_000}},
            "Resources": {
                "Raw": {
                    "Type": "AWS::Glue::Database",
                    "Properties": {
                        "CatalogId": {"Ref": "AWS::AccountId"},
                        "DatabaseInput": {"Name": f"{desk.database}_raw"},
                    },
                },
                "Lines": {
                    "Type": "AWS::Glue::Table",
                    "Properties": {
                        "CatalogId": {"Ref": "AWS::AccountId"},
                        "DatabaseName": {"Ref": "Raw"},
                        "TableInput": {
                            "Name": "lines",
                            "TableType": "EXTERNAL_TABLE",
                            "Parameters": {"EXTERNAL": "TRUE", "skip.header.line.count": 1},
                            "StorageDescriptor": {
                                "Columns": [{"Name": "line", "Type": "string"}],
                                "Location": desk.location("lines"),
                                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                                "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                                "SerdeInfo": {
                                    "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                                    "Parameters": {"field.delim": "\u0001"},
                                },
                            },
                        },
                    },
                },
                "Group": {
                    "Type": "AWS::Athena::WorkGroup",
                    "Properties": {
                        "Name": desk.database,
                        "WorkGroupConfiguration": {
                            "EnforceWorkGroupConfiguration": True,
                            "BytesScannedCutoffPerQuery": {"Ref": "Cutoff"},
                            "ResultConfiguration": {"OutputLocation": f"s3://{RESULTS_BUCKET}/stack/"},
                        },
                    },
                },
            },
            "Outputs": {"Group": {"Value": {"Ref": "Group"}}},
        }
    )


def test_a_stack_is_created_used_updated_and_deleted(desk, local):
    desk.put("lines/a.txt", "header\nfirst\n")
    stacks = local.client("cloudformation")
    name = desk.database.replace("_", "-")
    stacks.create_stack(StackName=name, TemplateBody=template(desk))
    (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Outputs"][0]["OutputValue"] == desk.database

    done = desk.run(f"select line from {desk.database}_raw.lines", WorkGroup=desk.database)
    assert done["ResultConfiguration"]["OutputLocation"].startswith(f"s3://{RESULTS_BUCKET}/stack/")
    assert desk.rows(f"select line from {desk.database}_raw.lines") == [["first"]]

    cutoff = {"ParameterKey": "Cutoff", "ParameterValue": "30000000"}
    stacks.update_stack(StackName=name, TemplateBody=template(desk), Parameters=[cutoff])
    group = desk.athena.get_work_group(WorkGroup=desk.database)["WorkGroup"]["Configuration"]
    assert (group["BytesScannedCutoffPerQuery"], group["EnforceWorkGroupConfiguration"]) == (30_000_000, True)

    stacks.delete_stack(StackName=name)
    with pytest.raises(ClientError, match="not found"):
        desk.athena.get_work_group(WorkGroup=desk.database)
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        desk.glue.get_table(DatabaseName=f"{desk.database}_raw", Name="lines")
