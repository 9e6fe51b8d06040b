"""The command line: `python -m landing --help`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from landing import Refused
from landing.contract import SEEDS, Reference
from landing.core import land
from landing.files import Files
from landing.ledger import Ledger
from landing.mapping import read
from landing.suggest import suggestion

DESCRIPTION = """\
Lands tickets of other systems in the raw zone of a lake, each change once: docs/bring-your-own-tickets.md. Ends with 0
if all has landed, with 1 if rows were rejected, with 2 if something has to be mended first.
"""


def _suggest(options: argparse.Namespace) -> int:
    print(suggestion(options.file, Reference.read(options.seeds)), end="")
    return 0


def _files(options: argparse.Namespace) -> int:
    if str(options.lake).startswith("s3:"):
        raise Refused(f"{options.lake} is no folder. Land in a folder, --lake /path/to/lake, then: make upload")
    reference = Reference.read(options.seeds)
    mapping = read(options.mapping, reference, dict(options.redact))
    files = Files(options.kind, options.files, mapping, reference)
    files.check(lambda text: print(text, file=sys.stderr))
    ledger = Ledger(options.lake, writes=not options.dry_run)
    try:
        summary = land(options.lake, files.batches(ledger.run), reference, ledger)
    except OSError as error:
        raise Refused(f"{error}. What had landed before stays; once that is mended, run it again.") from None
    finally:
        ledger.close()
    print(summary.text(options.dry_run))
    return 1 if summary.rejected else 0


def _redaction(text: str) -> tuple[str, str]:
    field, _, way = text.partition("=")
    if not way:
        raise argparse.ArgumentTypeError("write FIELD=drop or FIELD=hash")
    return field, way


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m landing", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=Path, default=SEEDS, help="folder of the seeds (default: the project's)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    suggesting = commands.add_parser("suggest", help="print a first mapping for a file of CSV or JSON lines")
    suggesting.add_argument("file", type=Path, metavar="FILE")
    suggesting.set_defaults(run=_suggest)
    for kind, name in (("csv", "CSV"), ("jsonl", "JSON lines")):
        command = commands.add_parser(kind, help=f"land files of {name}, by a mapping")
        command.add_argument("files", type=Path, nargs="+", metavar="FILE", help=f"{name}, or the same as gzip")
        command.add_argument(
            "--mapping", type=Path, required=True, help="which column is what; `suggest` writes a first one"
        )
        command.add_argument(
            "--lake", type=Path, default=Path(os.environ.get("LAKE", "lake")), help="(default: LAKE, or lake)"
        )
        command.add_argument(
            "--dry-run", action="store_true", help="show the first lines and what would be rejected; write nothing"
        )
        command.add_argument(
            "--redact",
            type=_redaction,
            action="append",
            default=[],
            metavar="FIELD=drop|hash",
            help="leave a field out, or hash it with TICKETLAKE_REDACT_KEY, before anything is written",
        )
        command.set_defaults(run=_files, kind=kind)
    options = parser.parse_args()
    try:
        return options.run(options)
    except Refused as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
