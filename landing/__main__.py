"""The command line: `python -m landing --help`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from landing import Refused, jira, servicenow, sql
from landing.contract import SEEDS, Anything, Reference
from landing.core import land, mendable
from landing.database import URL, Database
from landing.files import Files
from landing.ledger import Ledger
from landing.mapping import read
from landing.needs import proposals
from landing.suggest import suggestion
from landing.zendesk import command as zendesk

DESCRIPTION = """\
Lands tickets of other systems in the raw zone of a lake, each change once: docs/bring-your-own-tickets.md. Ends with 0
if all has landed, with 1 if rows were rejected, with 2 if something has to be mended first.
"""

PRODUCTS = {"servicenow": servicenow, "jira": jira}
_SUGGESTED = "which column is what; `suggest` writes a first one"
_OWN = "your markets, and what else differs: docs/{}.md has one to begin with"
FILES = {
    "csv": ("CSV, by a mapping", _SUGGESTED),
    "jsonl": ("JSON lines, by a mapping", _SUGGESTED),
    "servicenow": (
        "ServiceNow: the event log of incidents as CSV, or records of the Table API as JSON",
        _OWN.format("servicenow"),
    ),
    "jira": ("Jira: issues as JSON, with their changelog and comments", _OWN.format("jira")),
}


def _suggest(options: argparse.Namespace) -> int:
    print(suggestion(options.file, Reference.read(options.seeds)), end="")
    return 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _source(options: argparse.Namespace, reference: Reference) -> Files:
    """What is read from files, of values that the reference knows."""
    redact = dict(options.redact)
    if options.kind in PRODUCTS:
        return PRODUCTS[options.kind].source(options.files, options.mapping, reference, redact, _tell)
    return Files(options.kind, options.files, read(options.mapping, reference, redact), reference)


def _files(options: argparse.Namespace) -> int:
    reference = Reference.read(options.seeds)
    files = _source(options, reference)
    files.check(_tell)
    ledger = Ledger(options.lake, writes=not options.dry_run)
    try:
        summary = land(options.lake, files.batches(ledger.run), reference, ledger)
    finally:
        ledger.close()
    return summary.tell(options.dry_run)


def _sql(options: argparse.Namespace) -> int:
    reference = Reference.read(options.seeds)
    source = sql.read(options.mapping, reference, dict(options.redact))
    database = Database()
    try:
        summary = sql.run(options.lake, source, database, reference, options.dry_run, options.full)
    finally:
        database.close()
    code = summary.tell(options.dry_run)
    if summary.rejected and source.cursor:
        print("What was rejected is read again when its row changes, or with --full.")
    return code


def _seeds(options: argparse.Namespace) -> int:
    reference = Reference.read(options.seeds)
    anything = Anything(reference.statuses, reference.markets)
    if options.kind == "sql":
        source = sql.read(options.mapping, anything, dict(options.redact))
        files = sql.Rows(source, Database(), anything, sql.Position())
    else:
        files = _source(options, anything)
    files.check(_tell)
    found = proposals(files.batches(0), reference, options.seeds)
    found.tell(options.to)
    return 0


def _redaction(text: str) -> tuple[str, str]:
    field, _, way = text.partition("=")
    if not way:
        raise argparse.ArgumentTypeError("write FIELD=drop or FIELD=hash")
    return field, way


def _lake(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("LAKE, or what is given, is empty. Name a folder: --lake /path/to/lake")
    if text.startswith("s3:"):
        raise argparse.ArgumentTypeError(
            f"{text} is no folder. Land in a folder, --lake /path/to/lake, then: make upload"
        )
    return Path(text)


def _landing_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--lake", type=_lake, default=os.environ.get("LAKE", "lake"), help="(default: LAKE, or lake)")
    command.add_argument(
        "--dry-run", action="store_true", help="show the first lines and what would be rejected; write nothing"
    )
    _redact_argument(command)


def _seeds_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--to", type=Path, metavar="FOLDER", help="add the rows to the seeds there (default: print them)"
    )
    _redact_argument(command)
    command.set_defaults(run=_seeds)


def _redact_argument(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--redact",
        type=_redaction,
        action="append",
        default=[],
        metavar="FIELD=drop|hash",
        help="leave a field out, or hash it with TICKETLAKE_REDACT_KEY, before anything is written",
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m landing", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=Path, default=SEEDS, help="folder of the seeds (default: the project's)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    suggesting = commands.add_parser("suggest", help="print a first mapping for a file of CSV or JSON lines")
    suggesting.add_argument("file", type=Path, metavar="FILE")
    suggesting.set_defaults(run=_suggest)
    seeds = commands.add_parser("seeds", help="propose the rows that the seeds need for a source")
    sources = seeds.add_subparsers(required=True, metavar="SOURCE")
    for kind, (name, mapping) in FILES.items():
        command = commands.add_parser(kind, help=f"land files of {name}")
        of_seeds = sources.add_parser(kind, help="by the statuses, markets and agents that its updates name")
        for one in (command, of_seeds):
            one.add_argument("files", type=Path, nargs="+", metavar="FILE", help="or the same as gzip")
            one.add_argument("--mapping", type=Path, required=kind not in PRODUCTS, help=mapping)
            one.set_defaults(kind=kind)
        _landing_arguments(command)
        _seeds_arguments(of_seeds)
        command.set_defaults(run=_files)
    zendesk.add(commands, _landing_arguments)
    zendesk.add_seeds(sources, _seeds_arguments)
    command = commands.add_parser(
        "sql", aliases=["mysql"], help=f"land a table or a query of the SQL database that {URL} leads to"
    )
    of_seeds = sources.add_parser(
        "sql", aliases=["mysql"], help="by the statuses, markets and agents that its rows name"
    )
    for one in (command, of_seeds):
        one.add_argument(
            "--mapping", type=Path, required=True, help="table or query, cursor, and which column is what: docs/sql.md"
        )
    command.add_argument(
        "--full", action="store_true", help="read all, wherever the cursor is; what has landed is skipped"
    )
    _landing_arguments(command)
    _seeds_arguments(of_seeds)
    command.set_defaults(run=_sql)
    of_seeds.set_defaults(kind="sql")
    options = parser.parse_args()
    try:
        with mendable():
            return options.run(options)
    except Refused as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
