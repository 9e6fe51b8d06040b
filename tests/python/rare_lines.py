"""Lines of what a small generated lake may lack, so that every analysis has something to say."""

import random
from datetime import timedelta

from feed_landings import call_line, service_line
from landings import ticket_line

DAY = timedelta(1)


def rare_lines(last_day):
    """Accepted lines by feed, to land on `last_day`; the latest is of half an hour before its end.

    P1 tickets late, soon due and paused; two categories more, one of a ticket that was open for no time; agents with 20
    calls; repairs before a ticket, after it, and too long after it; a part that is used more than in the month before.
    """
    tickets = [
        ticket_line(ticket_id=name, market="DE", created_at=moment, updated_at=moment, **more)
        for name, moment, more in (
            ("late", f"{last_day}T01:00:00Z", {"severity": "P1"}),
            ("later", f"{last_day - DAY}T22:00:00Z", {"severity": "P1"}),
            ("soon", f"{last_day}T19:15:00Z", {"severity": "P1"}),
            ("waits", f"{last_day}T22:00:00Z", {"severity": "P1", "status": "pending"}),
            ("as of", f"{last_day}T23:30:00Z", {"status": "resolved", "category": "never open"}),
            ("early", f"{last_day - 60 * DAY}T08:00:00Z", {"vehicle_id": "V-early", "category": "repairs"}),
            ("slow", f"{last_day - 60 * DAY}T08:00:00Z", {"vehicle_id": "V-slow", "category": "repairs"}),
            ("quick", f"{last_day - 60 * DAY}T08:00:00Z", {"vehicle_id": "V-quick", "category": "repairs"}),
        )
    ]
    rng = random.Random(1)
    calls = [
        call_line(
            call_id=f"rare-{number}",
            agent_id=agent,
            customer_id=f"rare-{number}",
            start_time=f"{last_day - 20 * DAY}T09:{number % 60:02}:00Z",
            end_time=f"{last_day - 20 * DAY}T10:{number % 60:02}:00Z",
            resolution=rng.choice(("resolved", "escalated", "follow_up")),
            rating=rng.choice((1, 3, 4.5, None)),
        )
        for number, agent in enumerate(("de-01",) * 20 + ("uk-01",) * 21 + ("nobody",) * 20 + ("few",) * 19)
    ]
    last_month = last_day.replace(day=1) - DAY
    services = [
        service_line(service_record_id=vehicle, vehicle_id=vehicle, serviced_at=f"{day}T12:00:00Z", **more)
        for vehicle, day, more in (
            ("V-early", last_day - 61 * DAY, {}),
            ("V-quick", last_day - 57 * DAY, {}),
            ("V-slow", last_day - 29 * DAY, {}),
            ("V-part", last_month - 31 * DAY, {"parts": [{"part_code": "rare", "quantity": 1}]}),
            ("V-parts", last_month, {"parts": [{"part_code": "rare", "quantity": 2.5}]}),
        )
    ]
    return {"ticket_updates": tickets, "calls": calls, "service_records": services}
