"""Small dbt projects, made where a test wants them and run on the stand-in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

# Buckets beside those of the stack, for what a test makes itself.
LAKE_BUCKET, RESULTS_BUCKET = "scratch", "scratch-results"

_PROJECT = """\
name: scratch
version: 0.1.0
config-version: 2
profile: scratch
flags:
  send_anonymous_usage_stats: false
"""
_PROFILES = """\
scratch:
  target: athena
  outputs:
    athena:
      type: athena
      database: awsdatacatalog
      schema: {schema}
      region_name: "{{{{ env_var('AWS_REGION') }}}}"
      s3_staging_dir: "s3://{results}"
      s3_data_dir: "s3://{lake}/tables"
      threads: 4
"""


class Scratch:
    """A dbt project of its own schema. Files are given by their paths."""

    def __init__(self, folder: Path, schema: str, environment: dict[str, str], **files: str):
        self.folder = folder
        self.schema = schema
        self.environment = os.environ | environment | {"DBT_PROFILES_DIR": str(folder), "DBT_TARGET_PATH": "target"}
        self.write("dbt_project.yml", _PROJECT)
        self.write("profiles.yml", _PROFILES.format(schema=schema, lake=LAKE_BUCKET, results=RESULTS_BUCKET))
        for path, text in files.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))

    def dbt(self, *arguments: str, fails: bool = False) -> str:
        """Runs dbt and returns what it printed."""
        done = subprocess.run(
            [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        assert bool(done.returncode) == fails, output
        return output
