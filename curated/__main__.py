"""The command line: `python -m curated --help`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import duckdb

from curated.places import Busy, default_address, place
from curated.publishing import Kept, NothingPassed, publish
from curated.reader import NotPublished, VersionGone, read

DESCRIPTION = """\
The curated zone, $LAKE/curated or TICKETLAKE_CURATED (a folder or s3://BUCKET/FOLDER): the public tables as Parquet, in
numbered versions. docs/curated.md says what readers can rely on.
"""


def _publish(target: str) -> None:
    if target == "athena":
        from curated.athena import publish_manifest

        manifest, is_new = publish_manifest()
        address = os.environ["TICKETLAKE_CURATED"]
    else:
        database, address = Path(os.environ.get("LAKE", "lake")) / "ticketlake.duckdb", default_address()
        if not database.exists():
            raise NothingPassed(f"{database} is not there. Build it first: make build LAKE={database.parent}")
        manifest, is_new = publish(database, place(address), Kept.configured())
    size = sum(file.bytes for table in manifest.tables.values() for file in table.files)
    print(
        f"{'Published' if is_new else 'Published before:'} version {manifest.version} in {address}: "
        f"{len(manifest.tables)} tables, {size / 1e6:,.1f} MB, as of {manifest.as_of or 'no update'}"
    )


def _check() -> int:
    found = read()
    damaged = found.damaged()
    for path in damaged:
        print(f"{path} is not what was published. Publish again after the next build.", file=sys.stderr)
    files = sum(len(table.files) for table in found.manifest.tables.values())
    print(f"Version {found.version}: {files - len(damaged)} of {files} files are what was published")
    return 1 if damaged else 0


def _versions() -> None:
    found = read()
    for kept in reversed(found.manifest.kept):
        print(f"{kept.version:6}  {kept.folder}  superseded {kept.superseded_at}")
    print(f"{found.version:6}  {found.manifest.folder}  the latest, as of {found.manifest.as_of or 'no update'}")


def main() -> int | None:
    parser = argparse.ArgumentParser(
        prog="python -m curated", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    publishing = commands.add_parser("publish", help="publish the last build, if all of it has passed its tests")
    publishing.add_argument("target", nargs="?", choices=("duckdb", "athena"), default="duckdb", help="of dbt")
    publishing.set_defaults(run=_publish)
    commands.add_parser("check", help="compare each file with the manifest").set_defaults(run=_check)
    commands.add_parser("versions", help="list those that are kept").set_defaults(run=_versions)
    options = vars(parser.parse_args())
    try:
        return options.pop("run")(**options)
    except duckdb.IOException as error:
        if "lock" not in str(error):
            raise
        sys.exit(f"The database is in use: a build is going on. Publish after its end. {error}")
    except (NothingPassed, Busy, NotPublished, VersionGone) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    if os.environ.get("TICKETLAKE_CURATED", "").startswith("s3://"):
        from infra import aws

        aws.run(main)
    sys.exit(main())
