"""Take the pictures in docs/pictures of the real pages: `python -m scripts.pictures`, after a build and `make docs`.

The dashboard's are of what LAKE has published; the README and docs/ show those of the lake that `make build` makes up.
"""

import io
import os
import sys
from pathlib import Path
from urllib.parse import quote

from PIL import Image

import curated
from bench.browser import PROJECT, Page, chromium, served

PICTURES = PROJECT / "docs" / "pictures"
SITE = Path(os.environ.get("DBT_TARGET_PATH", PROJECT / "target")).resolve() / "static_index.html"
WIDTH, PHONE = 1280, {"width": 390, "height": 1200}
MARGIN, HEAD = 10, 50  # pixels: around what is shown, and those that are blank above the dashboard's titles
# Of late tickets, resolved lately and within a week, for all to be seen, the one with the most clocks.
TICKET = """
select ticket_key
from fct_tickets inner join fct_ticket_slas using (ticket_key)
where is_sla_breached and pending_hours > 0 and resolution_hours < 24 * 7
    and resolved_at > (select max(last_updated_at) from fct_tickets) - interval 3 day
group by all
order by count(*) desc, ticket_key
limit 1
"""
# From landed lines to who reads the tables, on the site of `make docs`.
LINEAGE = "+group:calls exposure:dashboard exposure:call_centre_questions"


def main():
    lake = Path(os.environ.get("LAKE", "lake")).resolve()
    if not SITE.exists():
        sys.exit(f"{SITE} is not there. Make it first: make docs")
    try:
        with curated.read(str(lake / "curated")).connect("fct_tickets", "fct_ticket_slas") as tables:
            ((ticket,),) = tables.execute(TICKET).fetchall()
    except curated.NotPublished as error:
        sys.exit(str(error))
    with chromium() as browser:
        with served(lake / "curated") as address:
            of_dashboard(browser, address, ticket)
        of_docs(browser)


def of_dashboard(browser, address, ticket):
    def see(path="", theme="light", size=None):
        size = size or {"width": WIDTH, "height": 2400}
        return Page(browser, address, viewport=size, color_scheme=theme, locale="en-GB", timezone_id="UTC").open(path)

    page = see()
    keep("overview", page.tab, panel(page, "Severities"), top=HEAD)
    page = see("service-levels")
    keep("service_levels", page.tab, panel(page, "What breaches next"), top=HEAD)
    page = see("backlog", "dark")
    keep("backlog", page.tab, panel(page, "Open and overdue"), top=HEAD)
    page = see(f"tickets?search={quote(ticket)}&ticket={quote(ticket)}")
    keep("ticket", page.tab, page.tab.get_by_role("heading", name=ticket), panel(page, "Its life"))
    page = see(size=PHONE)
    keep("phone", page.tab, page.tab.get_by_test_id("stMetric").last, top=0)


def of_docs(browser):
    def see(address, height):
        tab = browser.new_context(viewport={"width": WIDTH, "height": height}).new_page()
        tab.goto(f"{SITE.as_uri()}#!/overview{address}")
        tab.wait_for_selector("h1:has-text('ticketlake')")
        return tab

    tab = see("", 1400)
    keep("docs", tab, tab.locator("table").first, top=0)
    tab = see(f"?g_v=1&g_i={quote(LINEAGE)}", 380)
    tab.get_by_text("Update Graph").wait_for()
    keep("lineage", tab, tab.locator(".launcher-window"), margin=0)


def panel(page, title):
    """The box of the dashboard that has this title."""
    return page.tab.locator("[data-testid=stVerticalBlock]", has=page.tab.get_by_role("heading", name=title)).last


def keep(name, tab, *parts, top=None, margin=MARGIN):
    """A picture of parts of a page; or of its whole width, from `top` down to them."""
    shown = still(tab)
    boxes = [part.bounding_box() for part in parts]
    bottom = max(box["y"] + box["height"] for box in boxes) + margin
    if top is None:
        left, right = (min(box["x"] for box in boxes) - margin, max(box["x"] + box["width"] for box in boxes) + margin)
        area = left, min(box["y"] for box in boxes) - margin, right, bottom
    else:
        area = 0, top, shown.width, bottom
    PICTURES.mkdir(exist_ok=True)
    picture = shown.crop(tuple(map(round, area))).quantize(256, dither=Image.Dither.NONE)
    picture.save(PICTURES / f"{name}.png", optimize=True)
    tab.context.close()


def still(tab):
    """What the page looks like once it does not change any more."""
    before = None
    while True:
        tab.wait_for_timeout(1000)
        shown = tab.screenshot(animations="disabled")
        if shown == before:
            return Image.open(io.BytesIO(shown)).convert("RGB")
        before = shown


if __name__ == "__main__":
    main()
