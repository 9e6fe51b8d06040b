"""The files of a raw zone that the generator fills."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path

from generator.errors import GeneratorError
from generator.mishaps import Shares
from generator.seeds import Rows, completed

PARAMETERS = "_generator.json"
CHUNK = 2**18  # bytes written at once; Linux takes several times as long for the same bytes in one large write
VERSION = 1  # of what comes out for given parameters; a lake is continued by the version that began it


@dataclass(frozen=True)
class Parameters:
    """All that the bytes of a lake follow from. `per_day` is the number of tickets opened on an average day."""

    seed: int
    start: date
    per_day: float
    shares: Shares
    seeds: Rows


class Lake:
    """A raw zone in a folder; what cannot be read or written raises GeneratorError."""

    def __init__(self, output: Path):
        self.output = output

    def landed(self, feed: str) -> list[date]:
        """The days of a feed that the generator has landed, in order."""
        days = []
        for path in (self.output / feed).glob(f"dt=*/{feed}.jsonl"):
            with suppress(ValueError):
                days.append(date.fromisoformat(path.parent.name.removeprefix("dt=")))
        return sorted(days)

    def is_empty(self) -> bool:
        """Whether nothing has landed here, whoever landed it."""
        return all(path.name.startswith(("_", ".")) for path in self.output.glob("*/dt=*/*"))

    def parameters(self) -> Parameters | None:
        """Those that the lake was made with; None if the generator did not make it."""
        path = self.output / PARAMETERS
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            version = content["version"]
            if version == VERSION:
                return Parameters(
                    seed=int(content["seed"]),
                    start=date.fromisoformat(content["start"]),
                    per_day=float(content["per_day"]),
                    shares=Shares(**{field.name: float(content[field.name]) for field in fields(Shares)}),
                    seeds=completed(content["seeds"]),
                )
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GeneratorError(
                f"{path} cannot be read ({error!r}); delete {self.output} and generate it anew"
            ) from None
        raise GeneratorError(
            f"{path} is of version {version} of the generator, this is version {VERSION}; name another --output, or "
            f"delete {self.output} and generate it anew"
        )

    def save(self, parameters: Parameters) -> None:
        """Writes them down, unless they stand there already."""
        content = {
            "version": VERSION,
            "seed": parameters.seed,
            "start": parameters.start.isoformat(),
            "per_day": parameters.per_day,
            **asdict(parameters.shares),
            "seeds": parameters.seeds,
        }
        members = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items())
        text, path = ("{\n" + ",\n".join(members) + "\n}\n").encode(), self.output / PARAMETERS
        if not path.exists() or path.read_bytes() != text:
            self._write(path, [text])

    def land(self, feed: str, day: date, content: Iterable) -> None:
        """Writes the one file of a feed and a day from bytes-like pieces. It appears whole or not at all."""
        self._write(self.output / feed / f"dt={day}" / f"{feed}.jsonl", content)

    def _write(self, path: Path, content: Iterable) -> None:
        unfinished = path.with_name(f"_{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(unfinished, "wb") as file:
                    for piece in content:
                        for start in range(0, len(piece), CHUNK):
                            file.write(piece[start : start + CHUNK])
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(unfinished, path)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
            for leftover in path.parent.glob(f"_{path.name}.*.tmp"):
                leftover.unlink(missing_ok=True)
        except OSError as error:
            raise GeneratorError(
                f"--output {self.output}: cannot write {path} ({error.strerror}); name a folder that you may write to"
            ) from None
