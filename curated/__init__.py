"""The curated zone: what has passed its tests, as Parquet in numbered versions (docs/curated.md)."""

from curated.reader import Curated, NotPublished, VersionGone, read

__all__ = ["Curated", "NotPublished", "VersionGone", "read"]
