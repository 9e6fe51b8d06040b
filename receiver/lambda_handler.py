"""The same app under AWS Lambda: a handler for API Gateway and function URLs, set up by the environment."""

from __future__ import annotations

from mangum import Mangum

from receiver.app import create_app
from receiver.settings import BODY_LIMIT, Place

_place = Place.from_environment()
# An instance has one request at a time, so there is nothing to wait for.
_landing = _place.landing(group_seconds=0)
_landing.start()

handler = Mangum(create_app(_landing, _place.keys(), BODY_LIMIT), lifespan="off")
