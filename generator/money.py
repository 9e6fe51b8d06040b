"""Prices in the currency of a market."""

from __future__ import annotations

from dataclasses import dataclass

from generator.subjects import country_of

FALLBACK = "EUR"
EURO = "AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC MT NL PT SI SK SM"
CURRENCIES = {  # units for 1000 euros, decimals, countries
    "EUR": (1000, 2, EURO),
    "GBP": (860, 2, "GB"),
    "USD": (1120, 2, "US PR EC SV"),
    "JPY": (165_000, 0, "JP"),
    "AUD": (1720, 2, "AU"),
    "NZD": (1900, 2, "NZ"),
    "CAD": (1560, 2, "CA"),
    "CHF": (950, 2, "CH LI"),
    "SEK": (11_200, 2, "SE"),
    "NOK": (11_700, 2, "NO"),
    "DKK": (7460, 2, "DK"),
    "PLN": (4270, 2, "PL"),
    "CZK": (24_900, 2, "CZ"),
    "HUF": (400_000, 2, "HU"),
    "RON": (5000, 2, "RO"),
    "TRY": (46_000, 2, "TR"),
    "CNY": (8100, 2, "CN"),
    "HKD": (8700, 2, "HK"),
    "TWD": (35_000, 2, "TW"),
    "KRW": (1_600_000, 0, "KR"),
    "SGD": (1480, 2, "SG"),
    "INR": (96_000, 2, "IN"),
    "THB": (37_500, 2, "TH"),
    "AED": (4100, 2, "AE"),
    "SAR": (4200, 2, "SA"),
    "ILS": (4000, 2, "IL"),
    "ZAR": (20_500, 2, "ZA"),
    "BRL": (6300, 2, "BR"),
    "MXN": (21_500, 2, "MX"),
    "CLP": (1_070_000, 0, "CL"),
}


@dataclass(frozen=True)
class Money:
    """A currency, and what a thousand euros are in it."""

    currency: str
    rate: int
    decimals: int

    @classmethod
    def of(cls, market: str) -> Money:
        """That of the country which the market's code names; the euro if it names none of those above."""
        country = country_of(market)
        found = (name for name, (_, _, countries) in CURRENCIES.items() if country in countries.split())
        currency = next(found, FALLBACK)
        rate, decimals, _ = CURRENCIES[currency]
        return cls(currency, rate, decimals)

    def units(self, cents: int) -> int:
        """The smallest units of the currency that so many cents of a euro are worth, rounded half up."""
        scale = 1000 * 10 ** (2 - self.decimals)
        return (2 * cents * self.rate + scale) // (2 * scale)

    def text(self, units: int) -> str:
        """As a JSON number."""
        whole, rest = divmod(units, 10**self.decimals)
        return f"{whole}.{rest:0{self.decimals}}" if self.decimals else str(whole)
