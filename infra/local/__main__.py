"""python -m infra.local: starts the stand-in and keeps it until Ctrl-C."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading
from pathlib import Path

from infra.local.standin import LocalAthena
from infra.local.trino_files import SetupError


def _end(*_: object) -> None:
    raise SystemExit(0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__.split(": ")[1])
    parser.add_argument("--env", type=Path, metavar="FILE", help="write the variables to set to a file as well")
    arguments = parser.parse_args()
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _end)
    try:
        with LocalAthena() as local:
            lines = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in local.environment.items())
            if arguments.env:
                arguments.env.write_text(lines)
            print(lines, end="", flush=True)
            print(
                "Athena stands in on this machine. Set the variables above in another shell; Ctrl-C ends it.",
                file=sys.stderr,
            )
            threading.Event().wait()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if arguments.env:
            arguments.env.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
