"""What stands between this machine and AWS, said with what to do about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

_LOG_IN = (
    "Log in, for instance with `aws sso login`, and set AWS_PROFILE; or set AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY. Without an account: make athena-local"
)
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN = ("InvalidClientTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException")
_DENIED = ("AccessDenied", "AccessDeniedException", "403", "Forbidden")


class Refused(Exception):
    """What is in the way, and what to do."""


def region() -> str:
    found = os.environ.get("AWS_REGION") or boto3.Session().region_name
    if not found:
        raise Refused("No region is named. Set AWS_REGION, such as export AWS_REGION=eu-central-1")
    return found


def client(service: str) -> Any:
    """A client of the region that the environment names. Throttled calls are tried again."""
    return boto3.client(service, region_name=region(), config=Config(retries={"mode": "standard", "max_attempts": 8}))


def setting(name: str) -> str:
    """A variable of the environment that has to be set."""
    if not os.environ.get(name):
        raise Refused(f"{name} is not set. `make deploy` and `make athena-local` print it: docs/athena.md")
    return os.environ[name]


def code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def is_denied(error: ClientError) -> bool:
    return code(error) in _DENIED


def run(command: Callable[[], int | None]) -> None:
    """Ends the process as a command does, and with one message if AWS is in the way."""
    try:
        sys.exit(command())
    except (Refused, BotoCoreError, ClientError) as error:
        sys.exit(told(error))


def told(error: Exception) -> str:
    """An error as what is wrong and what to do."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return f"No AWS credentials were found. {_LOG_IN}"
    if isinstance(error, TokenRetrievalError | UnauthorizedSSOTokenError):
        return f"The AWS login has expired. {_LOG_IN}"
    if isinstance(error, ProfileNotFound):
        return f"{error}. AWS_PROFILE has to name one that `aws configure list-profiles` lists."
    if isinstance(error, EndpointConnectionError):
        return f"{error} Check AWS_REGION; if AWS_ENDPOINT_URL names a stand-in, check that it still runs."
    if isinstance(error, ClientError):
        if code(error) in _EXPIRED:
            return f"The AWS login has expired. {_LOG_IN}"
        if code(error) in _UNKNOWN:
            return f"AWS does not know these credentials ({code(error)}). {_LOG_IN}"
        if is_denied(error):
            return f"AWS does not allow it: {error}. Roles and what they may do are listed in docs/athena.md"
    return f"AWS refused: {error}"
