"""The commands of Zendesk: `python -m landing zendesk --help`, `python -m landing seeds zendesk --help`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path

from landing import Refused
from landing.contract import Anything, Reference
from landing.core import Summary, land
from landing.ledger import Ledger
from landing.zendesk.files import Files
from landing.zendesk.mapping import Mapping, read

_DLT = "To read from Zendesk itself takes the library dlt: make .venv/landing. Or name files of its answers."
_FILES_HELP = "answers of Zendesk's REST API as JSON, or the same as gzip; none to read from Zendesk itself"


def add(commands, landing_arguments: Callable[[argparse.ArgumentParser], None]) -> None:
    command = commands.add_parser("zendesk", help="land tickets of Zendesk with their audits, from files or live")
    command.add_argument("files", type=Path, nargs="*", metavar="FILE", help=_FILES_HELP)
    command.add_argument("--mapping", type=Path, required=True, help="which value is what: docs/zendesk.md")
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
    command.add_argument("--mapping", type=Path, help="which value is what: docs/zendesk.md")
    seeds_arguments(command)
    command.set_defaults(run=_seeds)


def _land(options: argparse.Namespace) -> int:
    reference = Reference.read(options.seeds)
    mapping = read(options.mapping, reference, dict(options.redact))
    files = None
    if options.files:
        files = Files(options.files, mapping, reference)
        files.check()
    ledger = Ledger(options.lake, writes=not options.dry_run)
    try:
        if files is not None:
            summary = land(options.lake, files.batches(), reference, ledger)
        else:
            summary = _live(options, mapping, reference, ledger)
    finally:
        ledger.close()
    return summary.tell(options.dry_run)


def _live(options: argparse.Namespace, mapping: Mapping, reference: Reference, ledger: Ledger) -> Summary:
    try:
        from landing.zendesk.live import Live
    except ModuleNotFoundError as error:
        raise Refused(f"{_DLT} ({error})") from None
    since = datetime.combine(options.since, datetime.min.time(), timezone.utc) if options.since else None
    return Live(mapping, reference, ledger, int(since.timestamp()) if since else 0).run(options.lake)


def _seeds(options: argparse.Namespace) -> int:
    from landing.proposals import Proposals
    from landing.zendesk.seeds import of_files, of_pages, proposals

    mapping = read(options.mapping, Anything({}, ()), dict(options.redact))
    if options.files:
        pages = of_files(options.files)
    else:
        try:
            from landing.zendesk.api import Api
        except ModuleNotFoundError as error:
            raise Refused(f"{_DLT} ({error})") from None
        pages = of_pages(Api())
    found: Proposals = proposals(pages, mapping, options.seeds)
    found.tell(options.to)
    return 0
