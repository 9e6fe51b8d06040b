"""How every feed names tickets, customers and vehicles, and writes the moments of their sources."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from generator.calendars import Desks
from generator.text import IN_UTC, digits, join, member, table, timestamps, with_micros, with_offset
from generator.ticket_lives import CUSTOMERS, VEHICLES
from generator.tickets import Source

FIRST_NUMBER = 1_000_001
NAMES = {Source.HELPDESK: "", Source.DEALER_CRM: "dealer-crm", Source.MOBILE_APP: "mobile-app"}
PREFIXES = {Source.HELPDESK: "HD", Source.DEALER_CRM: "DC", Source.MOBILE_APP: "MA"}

SOURCES = [member("source", NAMES[source]) for source in Source]


def ticket_numbers(numbers: np.ndarray) -> pa.StringArray:
    return digits(numbers + FIRST_NUMBER)


@cache
def customers() -> pa.StringArray:
    """A member `customer_id` for each customer."""
    return join(',"customer_id":"C-', digits(100_000 + np.arange(CUSTOMERS)), '"')


@cache
def vehicles() -> pa.StringArray:
    """Nothing, for no vehicle, then a member `vehicle_id` for each."""
    return pa.concat_arrays([table([""]), join(',"vehicle_id":"V-', digits(300_000 + np.arange(VEHICLES)), '"')])


def moments_of(records: np.ndarray, moments: np.ndarray, desks: Desks) -> tuple[pa.StringArray, pa.StringArray]:
    """Moments as the source of each record writes them: the dealers' system local time, the app microseconds.

    The records have the `source`, `market` and `number` of their tickets.
    """
    of_dealers, of_app = records["source"] == Source.DEALER_CRM, records["source"] == Source.MOBILE_APP
    offset = np.where(of_dealers, desks.offset(records["market"], moments), 0)
    micros = with_micros(records["number"] * 7919 + moments)
    styles = np.select([of_dealers, of_app], [with_offset(offset), micros], IN_UTC)
    return timestamps(moments + offset, styles)
