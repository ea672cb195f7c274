"""Write orders.csv: a year of orders of a small shop, with the dirt real exports have.

Seeded, so that the same file comes out every time:

    python project/shop/data/make_orders.py [path]
"""

import csv
import io
import random
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

HEADER = (
    "order_number",
    "order_date",
    "customer_name",
    "customer_email",
    "country",
    "sku",
    "product",
    "quantity",
    "unit_price",
    "currency",
)
SEED = 20250930
ROWS = 10_000
CUSTOMERS = 760
FIRST_DAY = date(2025, 10, 1)
DAYS = 365

# Orders from January to December, compared with an average month: gardens in spring, gifts in winter.
SEASON = (0.7, 0.75, 0.95, 1.1, 1.15, 1.0, 0.8, 0.75, 0.95, 1.05, 1.5, 1.95)


@dataclass(frozen=True)
class Product:
    """An article of the catalogue and how often it is bought."""

    sku: str
    name: str
    price: str
    popularity: float
    season: tuple[int, ...] = ()

    def demand(self, month: int) -> float:
        """Return how readily it sells in a month: three times as well in its season."""
        return self.popularity * (3 if month in self.season else 1)


SPRING, WINTER, GIFTS = (3, 4, 5, 6), (11, 12, 1, 2), (11, 12)
CATALOGUE = (
    Product("KIT-101", "Gooseneck kettle 1.0 l", "64.90", 8),
    Product("KIT-102", "Pour-over set", "38.50", 7, GIFTS),
    Product("KIT-103", "Espresso machine, two boilers", "1249.00", 0.5, GIFTS),
    Product("KIT-104", "Burr grinder", "189.00", 2.5),
    Product("KIT-105", "Cast-iron pan 28 cm", "79.00", 6),
    Product("KIT-106", "Chef's knife 20 cm", "96.00", 5),
    Product("KIT-107", "Oak cutting board", "54.00", 6),
    Product("KIT-108", "Stoneware mugs, set of four", "42.00", 9, GIFTS),
    Product("BED-201", "Linen duvet cover 200 x 200", "139.00", 4),
    Product("BED-202", "Wool blanket", "89.00", 5, WINTER),
    Product("BED-203", "Down pillow 80 x 80", "59.00", 4),
    Product("BED-204", "Percale fitted sheet", "45.00", 5),
    Product("BTH-301", "Waffle towels, set of two", "36.00", 7),
    Product("BTH-302", "Olive oil soap, three bars", "14.50", 10),
    Product("BTH-303", "Cedar bath mat", "48.00", 4),
    Product("LIV-401", "Brass reading lamp", "118.00", 3, WINTER),
    Product("LIV-402", "Beeswax candles, box of six", "22.00", 8, WINTER),
    Product("LIV-403", "Oak bookshelf", "1090.00", 0.4),
    Product("LIV-404", "Wool rug 160 x 230", "429.00", 1),
    Product("LIV-405", "Wall clock, ash", "72.00", 3, GIFTS),
    Product("GRD-501", "Enamel watering can", "34.00", 4, SPRING),
    Product("GRD-502", "Larch garden bench", "389.00", 0.7, SPRING),
    Product("GRD-503", "Hand trowel", "18.90", 4, SPRING),
    Product("GRD-504", "Herb seeds, box of ten", "24.00", 5, SPRING),
)

# Country: how many customers in a hundred live there, first names, last names.
PEOPLE: dict[str, tuple[int, str, str]] = {
    "DE": (
        26,
        "Anna Jonas Lena Felix Mia Jürgen Clara Moritz Ute Björn",
        "Schmidt Fischer Weber Köhler Vogt Brandt Jäger Lorenz Huber Böhm",
    ),
    "FR": (
        13,
        "Léa Hugo Chloé Lucas Inès Théo Manon Rémi Zoé Benoît",
        "Martin Fournier Lefèvre Girard Moreau Dubois Perrin Garnier Chevalier Noël",
    ),
    "GB": (
        12,
        "Olivia Harry Amelia Jack Isla Callum Freya Rhys Niamh Tom",
        "Taylor Hughes Campbell Walker Evans Bennett Shaw Fraser Ward Clarke",
    ),
    "NL": (
        8,
        "Sanne Daan Femke Bram Lotte Sem Fleur Thijs Noor Joris",
        "Jansen Visser Bakker Smit Mulder Dekker Bos Vermeer Kuiper Postma",
    ),
    "IT": (
        6,
        "Giulia Marco Chiara Luca Sofia Paolo Elena Niccolò Marta Dario",
        "Rossi Ferrari Bianchi Greco Conti Marino Rizzo Lombardi Moretti Galli",
    ),
    "ES": (
        6,
        "Lucía Pablo Carmen Álvaro Inés Sergio Marta Íñigo Nuria Rubén",
        "García Fernández Ruiz Moreno Muñoz Ortega Navarro Serrano Peña Vidal",
    ),
    "AT": (
        5,
        "Katharina Lukas Magdalena Florian Eva Günther",
        "Gruber Wagner Pichler Steiner Moser Hofer",
    ),
    "CH": (
        4,
        "Nina Beat Sarah Reto Laura Urs",
        "Meier Keller Zimmermann Frei Baumann Gerber",
    ),
    "SE": (
        4,
        "Elsa Nils Maja Oskar Åsa Göran",
        "Andersson Lindqvist Nyström Bergman Sjöberg Ek",
    ),
    "PL": (
        4,
        "Zofia Łukasz Agnieszka Paweł Ewa Michał",
        "Nowak Kowalczyk Wójcik Zieliński Dąbrowska Mazur",
    ),
    "DK": (3, "Freja Søren Ida Mads Karen Jørgen", "Nielsen Jensen Møller Holm Krogh Bech"),
    "BE": (3, "Elise Wout Julie Pieter Margaux Stijn", "Peeters Claes Lambert Dupont Maes Wouters"),
    "IE": (2, "Aoife Seán Ciara Conor Róisín Eoin", "Murphy Byrne Nolan Daly Keane Brady"),
    "PT": (2, "Inês João Beatriz Tiago Rita Gonçalo", "Silva Almeida Carvalho Araújo Lopes Simões"),
    "CZ": (1, "Tereza Jiří Lucie Ondřej Hana Matěj", "Novák Dvořák Černý Procházka Veselý Beneš"),
    "US": (1, "Grace Ethan Maya Caleb Ruth Owen", "Johnson Miller Rivera Bailey Cooper Price"),
}
MAIL_HOSTS = ("example.com", "example.org", "example.net", "mail.example", "post.example")


@dataclass(frozen=True)
class Customer:
    """A buyer and how often they come back."""

    name: str
    email: str
    country: str
    loyalty: float


Row = list[str]


def missing_email(row: Row, _before: Row) -> None:
    """Leave the address out."""
    row[3] = ""


def broken_email(row: Row, _before: Row) -> None:
    """Write the address as people do against robots."""
    row[3] = row[3].replace("@", " at ")


def impossible_date(row: Row, _before: Row) -> None:
    """Name a day that no calendar has."""
    row[1] = row[1][:5] + "02-30"


def local_date(row: Row, _before: Row) -> None:
    """Write the day as an office in Vienna would."""
    row[1] = ".".join(reversed(row[1].split("-")))


def negative_quantity(row: Row, _before: Row) -> None:
    """Book a return as an order."""
    row[7] = "-" + row[7]


def price_in_words(row: Row, _before: Row) -> None:
    """Write what a person would say."""
    row[8] = "on request"


def thousands_separator(row: Row, _before: Row) -> None:
    """Let a spreadsheet format the number."""
    row[8] = f"{float(row[8]) + 1000:,.2f}"


def unknown_country(row: Row, _before: Row) -> None:
    """Use the code everybody thinks the United Kingdom has."""
    row[4] = "UK"


def too_few_columns(row: Row, _before: Row) -> None:
    """Break off in the middle, as a full disk does."""
    del row[6:]


def repeated(row: Row, before: Row) -> None:
    """Send the line before once more."""
    row[:] = before


def wrong_encoding(row: Row, _before: Row) -> None:
    """Mark a letter to be written as Latin-1 inside the UTF-8 file."""
    row[2] += LATIN_1_MARK


def foreign_currency(row: Row, _before: Row) -> None:
    """Charge in a currency the shop keeps no books in."""
    row[9] = "USD"


LATIN_1_MARK = "\N{LATIN SMALL LETTER E WITH ACUTE}\N{SYMBOL FOR NULL}"
DIRT: dict[Callable[[Row, Row], None], int] = {
    missing_email: 18,
    broken_email: 10,
    impossible_date: 16,
    local_date: 12,
    negative_quantity: 14,
    price_in_words: 12,
    thousands_separator: 14,
    unknown_country: 16,
    too_few_columns: 12,
    repeated: 14,
    wrong_encoding: 10,
    foreign_currency: 8,
}
DIRTY_ROWS = sum(DIRT.values())


def ascii_only(text: str) -> str:
    """Spell a name for an e-mail address."""
    text = text.replace("ł", "l").replace("Ł", "L").replace("ø", "o")
    decomposed = unicodedata.normalize("NFKD", text)
    return decomposed.encode("ascii", "ignore").decode().lower()


def make_customers(rng: random.Random) -> list[Customer]:
    """Return people from all over the place; no two share an address."""
    countries = list(PEOPLE)
    shares = [PEOPLE[country][0] for country in countries]
    customers: dict[str, Customer] = {}
    while len(customers) < CUSTOMERS:
        country = rng.choices(countries, shares)[0]
        _share, firsts, lasts = PEOPLE[country]
        first, last = rng.choice(firsts.split()), rng.choice(lasts.split())
        email = f"{ascii_only(first)}.{ascii_only(last)}@{rng.choice(MAIL_HOSTS)}"
        if email not in customers:
            # Few come often, many come once in a while.
            loyalty = 0.4 + rng.paretovariate(2)
            customers[email] = Customer(f"{first} {last}", email, country, loyalty)
    return list(customers.values())


def make_order_days(rng: random.Random) -> Iterator[date]:
    """Yield the days of endless orders: more before Christmas, more on Sundays."""
    days = [FIRST_DAY + timedelta(days=offset) for offset in range(DAYS)]
    weights = [SEASON[day.month - 1] * (1.4 if day.weekday() == 6 else 1) for day in days]
    while True:
        yield rng.choices(days, weights)[0]


def make_basket(rng: random.Random, month: int) -> list[tuple[Product, int]]:
    """Return what one order holds: one to four articles, each once, seldom more than two of it."""
    size = rng.choices((1, 2, 3, 4), (48, 30, 15, 7))[0]
    demand = [product.demand(month) for product in CATALOGUE]
    products = dict.fromkeys(rng.choices(CATALOGUE, demand, k=size))
    return [(product, rng.choices((1, 2, 3, 4), (70, 20, 6, 4))[0]) for product in products]


def make_rows(rng: random.Random) -> list[Row]:
    """Return exactly ROWS clean rows, oldest order first."""
    customers = make_customers(rng)
    loyalties = [customer.loyalty for customer in customers]
    orders: list[tuple[date, Customer, list[tuple[Product, int]]]] = []
    missing = ROWS
    for day in make_order_days(rng):
        basket = make_basket(rng, day.month)[:missing]
        orders.append((day, rng.choices(customers, loyalties)[0], basket))
        missing -= len(basket)
        if not missing:
            break
    orders.sort(key=lambda order: order[0])
    return [
        make_row(number, day, customer, product, quantity)
        for number, (day, customer, basket) in enumerate(orders, start=100_001)
        for product, quantity in basket
    ]


def make_row(number: int, day: date, customer: Customer, product: Product, quantity: int) -> Row:
    """Return the cells of one line of an order, in the order of HEADER."""
    who = [customer.name, customer.email, customer.country]
    what = [product.sku, product.name, str(quantity), product.price, "EUR"]
    return [f"SO-{number}", day.isoformat(), *who, *what]


def make_dirty(rng: random.Random, rows: list[Row]) -> None:
    """Spoil DIRTY_ROWS of the rows in place."""
    # Only every second row, so that the row a repeated one copies is always clean.
    spots = rng.sample(range(1, len(rows), 2), DIRTY_ROWS)
    kinds = [kind for kind, count in DIRT.items() for _ in range(count)]
    for spot, spoil in zip(spots, kinds, strict=True):
        spoil(rows[spot], rows[spot - 1])


def make_csv() -> bytes:
    """Return the whole file."""
    rng = random.Random(SEED)  # noqa: S311 - nothing secret: the same file every time
    rows = make_rows(rng)
    make_dirty(rng, rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue().encode().replace(LATIN_1_MARK.encode(), b"\xe9")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("orders.csv")
    target.write_bytes(make_csv())
    print(f"{target}: {ROWS:,} rows, {DIRTY_ROWS} of them dirty")
