"""The commands of Zendesk: `python -m landing zendesk --help`, `python -m landing seeds zendesk --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path

from landing import Refused, zendesk_config
from landing.contract import Anything, Reference
from landing.core import Summary, land
from landing.ledger import Ledger
from landing.zendesk_files import Files

_DLT = "To read from Zendesk itself takes the library dlt: make .venv/landing. Or name files of its answers."
_FILES_HELP = "answers of Zendesk's REST API as JSON, or the same as gzip; none to read from Zendesk itself"


def add(commands, landing_arguments: Callable[[argparse.ArgumentParser], None]) -> None:
    command = commands.add_parser("zendesk", help="land tickets of Zendesk with their audits, from files or live")
    command.add_argument("files", type=Path, nargs="*", metavar="FILE", help=_FILES_HELP)
    command.add_argument("--config", type=Path, required=True, help="which value is what: docs/zendesk.md")
    command.add_argument(
        "--since",
        type=date.fromisoformat,
        metavar="DATE",
        help="where the first export begins (default: the first ticket); later ones go on where the last one ended",
    )
    landing_arguments(command)
    command.set_defaults(run=_land)


def add_seeds(sources, seeds_arguments: Callable[[argparse.ArgumentParser], None]) -> None:
    command = sources.add_parser("zendesk", help="by schedules, holidays, SLA policies, agents and statuses of Zendesk")
    command.add_argument("files", type=Path, nargs="*", metavar="FILE", help=_FILES_HELP)
    command.add_argument("--config", type=Path, help="which value is what: docs/zendesk.md")
    seeds_arguments(command)
    command.set_defaults(run=_seeds)


def _land(options: argparse.Namespace) -> int:
    reference = Reference.read(options.seeds)
    configuration = zendesk_config.read(options.config, reference, dict(options.redact))
    files = None
    if options.files:
        files = Files(options.files, configuration, reference)
        files.check()
    ledger = Ledger(options.lake, writes=not options.dry_run)
    try:
        if files is not None:
            summary = land(options.lake, files.batches(), reference, ledger)
        else:
            summary = _live(options, configuration, reference, ledger)
    except OSError as error:
        raise Refused(f"{error}. What had landed before stays; once that is mended, run it again.") from None
    finally:
        ledger.close()
    print(summary.text(options.dry_run))
    return 1 if summary.rejected else 0


def _live(options: argparse.Namespace, configuration, reference: Reference, ledger: Ledger) -> Summary:
    try:
        from landing.zendesk_live import Live
    except ModuleNotFoundError as error:
        raise Refused(f"{_DLT} ({error})") from None
    since = datetime.combine(options.since, datetime.min.time(), timezone.utc) if options.since else None
    return Live(configuration, reference, ledger, int(since.timestamp()) if since else 0).run(options.lake)


def _seeds(options: argparse.Namespace) -> int:
    from landing.proposals import Proposals
    from landing.zendesk_seeds import of_files, of_pages, proposals

    configuration = zendesk_config.read(options.config, Anything({}, ()), dict(options.redact))
    if options.files:
        pages = of_files(options.files)
    else:
        try:
            from landing.zendesk_api import Api
        except ModuleNotFoundError as error:
            raise Refused(f"{_DLT} ({error})") from None
        pages = of_pages(Api())
    found: Proposals = proposals(pages, configuration, options.seeds)
    for remark in found.remarks:
        print(remark, file=sys.stderr)
    print(found.write(options.to) if options.to else found.text(), end="")
    return 0
