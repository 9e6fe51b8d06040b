"""What tickets are about: categories, products, and subjects in the language of the market."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from faker import Faker
from faker.config import AVAILABLE_LOCALES

from generator.draws import Draws, Pools
from generator.text import member, table

VARIANTS = 48  # subjects of one market, category and product
POOL = 60
COUNTRY_OF_MARKET = {"UK": "GB"}
FALLBACK_LOCALE = "en_US"
UNCATEGORISED = 0.03

MODELS = {"compact": 45, "estate": 35, "van": 20}
CATEGORIES: dict[str, tuple[int, dict[str, int]]] = {  # weight, and the weights of the products concerned
    "charging": (24, {"wallbox": 60, **MODELS}),
    "battery": (11, MODELS),
    "infotainment": (15, MODELS),
    "app": (14, {"app": 1}),
    "billing": (12, {"app": 40, "wallbox": 30, **MODELS}),
    "delivery": (8, {"wallbox": 30, **MODELS}),
    "warranty": (9, {"wallbox": 20, **MODELS}),
    "breakdown": (7, MODELS),
}
WORDS = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Topics:
    """What tickets can be about.

    `texts` holds JSON members (category, product, subject), one entry for each topic; a topic is its index. `places`
    has the places of each market.
    """

    texts: pa.StringArray
    categories: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]
    _category_weights: np.ndarray
    _category_of_kind: np.ndarray
    _kinds: Pools

    def draw(self, market: np.ndarray, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
        """Category indices and topics for tickets of the markets (indices), each of shape (tickets,)."""
        size = len(market)
        category = draws.weighted(size, self._category_weights)
        kind = self._kinds.draw(category, draws)
        uncategorised = draws.hits(size, UNCATEGORISED)
        topic = ((market * 2 + uncategorised) * len(self._category_of_kind) + kind) * VARIANTS
        return category, topic + draws.below(size, VARIANTS)

    def category(self, topic: np.ndarray) -> np.ndarray:
        """The category (index) that tickets with these topics state; -1 for none."""
        about, kind = np.divmod(topic // VARIANTS, len(self._category_of_kind))
        return np.where(about % 2, -1, self._category_of_kind[kind])


@lru_cache(maxsize=4)
def topics(markets: tuple[str, ...], seed: int) -> Topics:
    """The topics of a lake with this seed; places and names come from faker, in the locale of each market."""
    kinds = [(category, product) for category, (_, products) in CATEGORIES.items() for product in products]
    entries, places = [], []
    for market in markets:
        of_market, subjects = _subjects(market, kinds, seed)
        places.append(of_market)
        for is_categorised in (True, False):
            for (category, product), lines in zip(kinds, subjects, strict=True):
                about = member("category", category if is_categorised else "") + member("product", product)
                entries += [about + member("subject", line) for line in lines]
    lotteries = [
        [kinds.index((category, product)) for product, weight in products.items() for _ in range(weight)]
        for category, (_, products) in CATEGORIES.items()
    ]
    return Topics(
        texts=table(entries),
        categories=tuple(CATEGORIES),
        places=tuple(places),
        _category_weights=np.array([weight for weight, _ in CATEGORIES.values()]),
        _category_of_kind=np.array([list(CATEGORIES).index(category) for category, _ in kinds]),
        _kinds=Pools(lotteries),
    )


def _subjects(market: str, kinds: Sequence[tuple[str, str]], seed: int) -> tuple[tuple[str, ...], list[list[str]]]:
    """Places of a market, and VARIANTS subjects for each (category, product)."""
    locale = locale_of(market)
    language = locale[:2] if locale[:2] in WORDS["subjects"] else "en"
    faker = Faker(locale)
    faker.seed_instance(f"{seed} {market}")
    places, names = [faker.city() for _ in range(POOL)], [faker.last_name() for _ in range(POOL)]
    draws, count = Draws(seed, "subjects", market), len(kinds) * VARIANTS
    drawn = zip(
        draws.uniform(count).tolist(),
        draws.below(count, POOL).tolist(),
        draws.below(count, 900_000).tolist(),
        strict=True,
    )
    subjects = []
    for category, product in kinds:
        templates = WORDS["subjects"][language][category]
        lines = []
        for _ in range(VARIANTS):
            u, word, number = next(drawn)
            line = templates[int(u * len(templates))].format(
                product=WORDS["products"][language][product],
                place=places[word],
                name=names[word],
                number=100_000 + number,
                code=10 + number % 80,
                km=120 + number % 200,
            )
            lines.append(line[0].upper() + line[1:])
        subjects.append(lines)
    return tuple(places), subjects


def locale_of(market: str) -> str:
    """A faker locale of the country that the market's code names; one in a language that words.json has comes first."""
    locales = [locale for locale in AVAILABLE_LOCALES if locale.endswith(f"_{country_of(market)}")]
    return min(locales, key=lambda locale: (locale[:2] not in WORDS["subjects"], locale), default=FALLBACK_LOCALE)


def country_of(market: str) -> str:
    """The ISO 3166 code that the market's code stands for, if it stands for a country."""
    return COUNTRY_OF_MARKET.get(market.upper(), market.upper())
