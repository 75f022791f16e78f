"""The checksum of a book against every published answer, and a recorded session replayed.

Source: Kraken API Center, Spot Websockets (v1, v2) Book Checksum, Book (Level 2), Level3 Checksum;
the session was recorded on 2023-07-30 (python-kraken-sdk, tests/spot/fixture/orderbook-v2.json).
"""

import zlib
from decimal import Decimal
from typing import Any

import pytest

from venuekit_kraken.sim.checksum import book_checksum, checksum_text

# Levels as `price quantity`, best first.
BOOKS: dict[str, Any] = {
    "book-v2-docs-btcusd": {
        "decimals": (1, 8),
        "checksum": 3310070434,
        "asks": """
            45285.2 0.00100000
            45286.4 1.54571953
            45286.6 1.54571109
            45289.6 1.54560911
            45290.2 0.15890660
            45291.8 1.54553491
            45294.7 0.04454749
            45296.1 0.35380000
            45297.5 0.09945542
            45299.5 0.18772827
        """,
        "bids": """
            45283.5 0.10000000
            45283.4 1.54582015
            45282.1 0.10000000
            45281.0 0.10000000
            45280.3 1.54592586
            45279.0 0.07990000
            45277.6 0.03310103
            45277.5 0.30000000
            45277.3 1.54602737
            45276.6 0.15445238
        """,
    },
    "book-v2-docs-maticusd-snapshot": {
        "decimals": (4, 8),
        "checksum": 2439117997,
        "asks": """
            0.5668 4410.79769741
            0.5669 4655.40412487
            0.567 49844.89424998
            0.5671 24306.41678
            0.5672 29783.25223475
            0.5673 57234.71239278
            0.5674 45065.04744
            0.5675 5912.76380354
            0.5676 42514.92434778
            0.5677 36304.0847022
        """,
        "bids": """
            0.5666 4831.75496356
            0.5665 6658.22734739
            0.5664 18724.91513344
            0.5663 11563.92544914
            0.5662 14006.65365711
            0.5661 17454.85679807
            0.566 18097.1547
            0.5659 33644.89175666
            0.5658 148.3464
            0.5657 606.70854372
        """,
    },
    "book-v2-docs-maticusd-update": {
        "decimals": (4, 8),
        "checksum": 2114181697,
        "asks": """
            0.5668 4410.79769741
            0.5669 4655.40412487
            0.567 49844.89424998
            0.5671 24306.41678
            0.5672 29783.25223475
            0.5673 57234.71239278
            0.5674 45065.04744
            0.5675 5912.76380354
            0.5676 42514.92434778
            0.5677 36304.0847022
        """,
        "bids": """
            0.5666 4831.75496356
            0.5665 6658.22734739
            0.5664 18724.91513344
            0.5663 11563.92544914
            0.5662 14006.65365711
            0.5661 17454.85679807
            0.566 18097.1547
            0.5659 33644.89175666
            0.5658 148.3464
            0.5657 1098.3947558
        """,
    },
    "book-v1-docs": {
        "decimals": (5, 8),
        "checksum": 974947235,
        "asks": """
            0.05005 0.00000500
            0.05010 0.00000500
            0.05015 0.00000500
            0.05020 0.00000500
            0.05025 0.00000500
            0.05030 0.00000500
            0.05035 0.00000500
            0.05040 0.00000500
            0.05045 0.00000500
            0.05050 0.00000500
        """,
        "bids": """
            0.05000 0.00000500
            0.04995 0.00000500
            0.04990 0.00000500
            0.04980 0.00000500
            0.04975 0.00000500
            0.04970 0.00000500
            0.04965 0.00000500
            0.04960 0.00000500
            0.04955 0.00000500
            0.04950 0.00000500
        """,
    },
    "book-short": {
        "decimals": (5, 8),
        "checksum": 3683013288,
        "asks": """
            1.00001 3.00000000
        """,
        "bids": """
            0.99999 0.50000000
            0.99998 1.00000000
        """,
    },
    "book-one-sided": {
        "decimals": (8, 8),
        "checksum": 2491401683,
        "asks": """
            0.00001234 1500000.00000000
            0.00001235 0.00000001
        """,
        "bids": """
        """,
    },
    "book-deep": {
        "decimals": (1, 8),
        "checksum": 3416276947,
        "asks": """
            100.5 1.00000000
            101.5 1.00000000
            102.5 1.00000000
            103.5 1.00000000
            104.5 1.00000000
            105.5 1.00000000
            106.5 1.00000000
            107.5 1.00000000
            108.5 1.00000000
            109.5 1.00000000
            110.5 1.00000000
            111.5 1.00000000
        """,
        "bids": """
            99.5 2.00000000
            98.5 2.00000000
            97.5 2.00000000
            96.5 2.00000000
            95.5 2.00000000
            94.5 2.00000000
            93.5 2.00000000
            92.5 2.00000000
            91.5 2.00000000
            90.5 2.00000000
            89.5 2.00000000
            88.5 2.00000000
        """,
    },
}


def levels(text: str) -> list[tuple[Decimal, Decimal]]:
    return [
        (Decimal(price), Decimal(quantity))
        for price, quantity in (line.split() for line in text.split("\n") if line.strip())
    ]


def test_the_sum_is_the_usual_crc32() -> None:
    assert zlib.crc32(b"123456789") == 3_421_780_262


@pytest.mark.parametrize("name", BOOKS)
def test_every_published_checksum_comes_out(name: str) -> None:
    book = BOOKS[name]
    asks, bids = levels(book["asks"]), levels(book["bids"])
    assert book_checksum(asks, bids, *book["decimals"]) == book["checksum"]


def test_numbers_are_padded_and_lose_the_point_and_zeros_in_front() -> None:
    row = (Decimal("0.566"), Decimal("18097.1547"))
    assert checksum_text([row], [], 4, 8) == "56601809715470000"
    assert checksum_text([(Decimal("45285.2"), Decimal("0.001"))], [], 1, 8) == "452852100000"


def test_without_the_padding_the_documented_book_gives_another_sum() -> None:
    book = BOOKS["book-v2-docs-maticusd-snapshot"]
    rows = [*levels(book["asks"]), *levels(book["bids"])]
    tokens = "".join(f"{value}".replace(".", "").lstrip("0") for row in rows for value in row)
    assert zlib.crc32(tokens.encode()) == 3_830_085_102


RECORDED: dict[str, Any] = {
    "asks": """
        29430.3 8.25215653
        29430.4 2.55637606
        29430.5 0.2997598
        29430.9 2.56473216
        29431.0 0.00011662
        29431.1 0.001
        29432.3 0.0241
        29432.4 0.02210682
        29432.5 3.39761477
        29433.1 0.01021497
    """,
    "bids": """
        29430.2 0.18967538
        29429.6 0.00011621
        29427.4 0.001
        29426.7 4.0
        29425.7 0.67945399
        29423.5 0.67950478
        29422.1 0.16314267
        29421.8 0.06797895
        29421.7 0.23401846
        29421.5 0.28639276
    """,
    "checksum": 2785033588,
}
UPDATES: list[tuple[str, str, int]] = [
    # asks, bids, checksum
    ("29431.1 0.0\n29433.3 0.8\n29430.6 0.001", "", 3547452596),
    ("29430.3 8.25182177", "", 3111681483),
    ("", "29423.0 2.54902601", 434883881),
    ("", "29424.2 0.8", 2141748964),
    ("", "29421.9 0.0275", 2966524335),
    ("29430.3 7.45182177", "", 4170926643),
    ("29430.3 6.65182177", "", 51267546),
    ("29430.3 6.50182177", "", 3499372723),
    ("", "29423.2 0.0611", 829509205),
    ("29430.3 6.39889189", "", 2575724647),
    ("", "29423.0 0.0\n29421.9 0.0275", 1708619586),
    ("29432.5 0.0\n29433.3 0.8", "", 2064147547),
]


def applied(side: dict[Decimal, Decimal], text: str, *, is_asks: bool) -> dict[Decimal, Decimal]:
    """Do with an update what the documents tell a client to do."""
    side = {**side, **dict(levels(text))}
    kept = sorted(price for price, quantity in side.items() if quantity)
    return {price: side[price] for price in (kept if is_asks else kept[::-1])[:10]}


def test_a_recorded_session_replays_to_all_of_its_checksums() -> None:
    asks, bids = dict(levels(RECORDED["asks"])), dict(levels(RECORDED["bids"]))
    found = [book_checksum(asks.items(), bids.items(), 1, 8)]
    for changed_asks, changed_bids, _ in UPDATES:
        asks = applied(asks, changed_asks, is_asks=True)
        bids = applied(bids, changed_bids, is_asks=False)
        found.append(book_checksum(asks.items(), bids.items(), 1, 8))
    assert found == [RECORDED["checksum"], *(checksum for _, _, checksum in UPDATES)]
