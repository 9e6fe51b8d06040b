"""Lands files of a product as a user would, and reads what has landed."""

import json
import subprocess
import sys
from pathlib import Path

from lakes import PROJECT
from landings import landed_lines


class Product:
    def __init__(self, name, folder):
        self.name, self.folder, self.lake = name, Path(folder), Path(folder) / "lake"

    def file(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
        return path

    def run(self, *arguments, mapping="fields: {market: {constant: DE}}", environment=None):
        """The exit code, and what is printed and told."""
        command = [sys.executable, "-m", "landing", self.name, *map(str, arguments), "--lake", str(self.lake)]
        if mapping is not None:
            command += ["--mapping", str(self.file("mapping.yml", mapping))]
        ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, env=environment)
        return ran.returncode, ran.stdout + ran.stderr

    def land(self, *arguments, **options):
        """The lines that land, without those that had before; all of what is given is accepted."""
        before = self.lines()
        code, output = self.run(*arguments, **options)
        assert code == 0, output
        return [line for line in self.lines() if line not in before]

    def lines(self):
        return landed_lines(self.lake)


def told(lines, *fields):
    """Of each line these fields, as a tuple."""
    return [tuple(line.get(field) for field in fields) for line in lines]
