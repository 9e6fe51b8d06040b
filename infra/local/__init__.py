"""A stand-in for Athena on this machine: see README.md."""

from infra.local.standin import LocalAthena

__all__ = ["LocalAthena"]
