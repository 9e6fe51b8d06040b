"""The command line: `python -m receiver`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import uvicorn

from receiver import Refused
from receiver.app import create_app
from receiver.folder import Lock, recover
from receiver.keys import digest
from receiver.settings import BODY_LIMIT, FILE_BYTES, FILE_SECONDS, GROUP_SECONDS, LONGEST_LINE, Place

DESCRIPTION = """\
Receives service records over HTTP and lands them in the raw zone that TICKETLAKE_RAW names, a folder or
s3://BUCKET/PREFIX, or else LAKE/raw. docs/receiving.md says how to send some, and what is promised.
"""


def main() -> int | None:
    options = _options()
    place = Place(options.raw) if options.raw else Place.from_environment()
    return options.command(place, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m receiver", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raw", help="the raw zone (default: TICKETLAKE_RAW, or LAKE/raw)")
    parser.set_defaults(command=_serve)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen at (default: %(default)s)")
    parser.add_argument(
        "--file-seconds", type=_positive, default=FILE_SECONDS, help="after which a file lands (default: %(default)g)"
    )
    parser.add_argument(
        "--file-bytes", type=_positive, default=FILE_BYTES, help="after which a file lands (default: %(default)s)"
    )
    parser.add_argument(
        "--group-seconds",
        type=_positive,
        default=GROUP_SECONDS,
        help="on S3: for which requests are gathered into an object (default: %(default)g)",
    )
    parser.add_argument(
        "--body-limit", type=_positive, default=BODY_LIMIT, help="bytes that a request may have (default: %(default)s)"
    )
    commands = parser.add_subparsers(title="instead of serving", metavar="")
    recovering = commands.add_parser("recover", help="land what a receiver that was killed has left, without serving")
    recovering.set_defaults(command=_recover)
    keys = commands.add_parser("keys", help="make, list and revoke API keys").add_subparsers(required=True, metavar="")
    for name, command, text in (
        ("add", _add_key, "make a key; it is shown once"),
        ("revoke", _revoke_key, "revoke a key, at once"),
    ):
        one = keys.add_parser(name, help=text)
        one.add_argument("name", metavar="NAME", help="whose key it is")
        one.set_defaults(command=command)
    keys.add_parser("list", help="whose keys there are").set_defaults(command=_list_keys)
    options = parser.parse_args()
    if options.body_limit > LONGEST_LINE:
        parser.error(f"--body-limit must be {LONGEST_LINE} or less: a longer line is not read by the lake")
    return options


def _positive(text: str) -> float:
    value = float(text) if "." in text else int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("it has to be more than 0")
    return value


def _serve(place: Place, options: argparse.Namespace) -> int | None:
    keys = place.keys()
    landing = place.landing(options.file_seconds, options.file_bytes, options.group_seconds)
    app = create_app(landing, keys, options.body_limit)
    print(
        f"Landing in {place.address}. POST http://{options.host}:{options.port}/service-records, GET /docs", flush=True
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        access_log=False,
        server_header=False,
        limit_concurrency=1000,
        timeout_graceful_shutdown=30,
    )
    return None


def _recover(place: Place, options: argparse.Namespace) -> None:
    raw: Path = place.folder
    lock = Lock(raw)
    found = recover(raw)
    for path, cut in found:
        print(f"{path}: landed" + (f", {cut:,} bytes of a line that was not acknowledged cut off" if cut else ""))
    if not found:
        print(f"{raw} holds nothing that was left open.")
    lock.release()


def _add_key(place: Place, options: argparse.Namespace) -> None:
    file = place.key_file()
    token = file.add(options.name)
    print(f"{token}\n\nIt is shown once; {file.path} keeps its hash. For TICKETLAKE_KEY_HASHES:")
    print(f"{options.name}={digest(token)}")


def _revoke_key(place: Place, options: argparse.Namespace) -> None:
    place.key_file().revoke(options.name)
    print(f"The key {options.name} is revoked.")


def _list_keys(place: Place, options: argparse.Namespace) -> None:
    file = place.key_file()
    for key in file.read():
        state = f"revoked {key.revoked_at}" if key.revoked_at else "in force"
        print(f"{key.name:30} made {key.made_at}  {state}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as error:
        sys.exit(str(error))
