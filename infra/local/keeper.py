"""Runs a program for as long as its parent lives, then removes a folder.

The parent holds the other end of this process's standard input and writes nothing. However the parent ends, the pipe
closes: that is the sign to end the program. Should this process itself be killed, Linux ends the program for it.

    python keeper.py FOLDER LOG COMMAND…
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    folder, log, *command = sys.argv[1:]
    with open(log, "ab") as output:
        program = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, preexec_fn=_die_with_parent
        )

    parent_gone = threading.Event()

    def end_with_parent() -> None:
        while os.read(0, 1024):
            pass
        parent_gone.set()
        program.kill()

    threading.Thread(target=end_with_parent, daemon=True).start()
    code = program.wait()
    # A program that ended by itself leaves its log, for the parent to read.
    if parent_gone.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    sys.exit(main())
