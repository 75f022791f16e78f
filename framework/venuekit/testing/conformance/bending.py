"""How a good text becomes a hostile one: a tree of JSON whose parts are bent, then its bytes.

Whoever draws decides by `pick` alone, so that hypothesis, chance and a coverage-guided fuzzer walk
the same grammar.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

Pick = Callable[[int], int]
"""Gives a number from 0 up to, and without, the one it is handed."""

DEEPEST: Final = 50_000
_LONG: Final = 20_000


class Raw(str):
    """A token as it stands in the text, valid or not."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """An object, whose members may repeat."""


TOKENS: Final[Sequence[str]] = (
    "1" + "0" * 400,
    "-1" + "0" * 400,
    "9" * 5000,
    "1e400",
    "1e999999999",
    "-1e999999999",
    "1e-999999999",
    "0." + "0" * 400 + "1",
    "NaN",
    "Infinity",
    "-Infinity",
    "-0",
    "-1",
    "0",
    "1",
    "3.5",
    "18446744073709551616",
    "9223372036854775807",
    "253402300800000",
    "1E+2",
    "01",
    "+1",
    ".5",
    "0x10",
    "true",
    "false",
    "null",
    "nul",
    "[]",
    "{}",
    "[[]]",
    '[["1"]]',
    '[["1","2","3"]]',
    "[null]",
    "[{}]",
    '""',
    '" "',
    '"1e400"',
    '"1e999999999"',
    '"' + "9" * 5000 + '"',
    '"0.' + "0" * 5000 + '1"',
    '"NaN"',
    '"sNaN123"',
    '"Infinity"',
    '"-1"',
    '"-0.0"',
    '"1_000"',
    '"\N{ARABIC-INDIC DIGIT THREE}.\N{ARABIC-INDIC DIGIT FIVE}"',
    '"²"',
    '" 1"',
    '"0x10"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u0000"',
    '"\\u001b[31m\\u202e\\u2028"',
    '"\x00"',
    '"\x1b"',
    '"\\x"',
    '"' + "x" * _LONG + '"',
    '"' + "\\u00e9" * 2000 + '"',
    '"9999-99-99T99:99:99Z"',
    '"0000-00-00T00:00:00Z"',
    '"10000-01-01T00:00:00Z"',
    '"0001-01-01T00:00:00Z"',
    '"9999-12-31T23:59:60.' + "9" * 400 + 'Z"',
    '"2026-02-30T00:00:00Z"',
    '"2026-05-28T20:26:40+99:99"',
    '"202\N{ARABIC-INDIC DIGIT SIX}-05-28T20:26:40Z"',
    '"snapshot"',
    '"update"',
    '"error"',
    "[" * 65 + "]" * 65,
    "[" * 1100 + "]" * 1100,
    "[" * DEEPEST + "]" * DEEPEST,
    "[" * DEEPEST,
    '{"a":' * DEEPEST + "1" + "}" * DEEPEST,
    '{"a":' * DEEPEST,
)
"""What stands in place of a value."""

NOISE: Final[Sequence[bytes]] = (
    b"",
    b"\x00",
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"-",
    b"e9",
    b"null",
    b"\n\t\r ",
    b"/*",
    b"\x1f",
    b"\xe2\x80\xae",
)
"""What stands in a text where nothing should."""


def parsed(text: str) -> Any:
    """Read good JSON so that each number and each member keeps its place and its digits."""
    return json.loads(text, object_pairs_hook=Members, parse_float=Raw, parse_int=Raw)


def written(tree: Any) -> str:
    """Write a tree, whatever has become of it."""
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, Members):
        return "{" + ",".join(f"{json.dumps(k)}:{written(v)}" for k, v in tree) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(map(written, tree)) + "]"
    return json.dumps(tree, ensure_ascii=False)


def hostile(texts: Sequence[str], pick: Pick) -> bytes:
    """Give one of the texts, bent up to three times."""
    tree = parsed(texts[pick(len(texts))])
    bends = 1 + pick(3)
    for _ in range(bends):
        if pick(4):
            tree = _bent(tree, texts, pick)
    body = written(tree).encode("utf-8", "surrogatepass")
    if not pick(3):
        body = _torn(body, pick)
    return body


def each_bent(text: str, tokens: Sequence[str]) -> Iterator[bytes]:
    """Give the text with each of the tokens in each of its places, one at a time."""
    tree = parsed(text)
    for holder, at in _places(tree):
        kept = holder[at]
        for token in tokens:
            holder[at] = (kept[0], Raw(token)) if isinstance(holder, Members) else Raw(token)
            yield written(tree).encode("utf-8", "surrogatepass")
        holder[at] = kept


def _bent(tree: Any, texts: Sequence[str], pick: Pick) -> Any:
    """Bend one place of a tree."""
    places = list(_places(tree))
    if not places:
        return tree
    holder, at = places[pick(len(places))]
    name, value = holder[at] if isinstance(holder, Members) else ("", holder[at])

    def put(new: Any) -> None:
        holder[at] = (name, new) if isinstance(holder, Members) else new

    match pick(12):
        case 0:
            del holder[at]
        case 1:
            holder.insert(at, holder[at])
        case 2 if isinstance(holder, Members):
            holder.append((name, Raw(TOKENS[pick(len(TOKENS))])))
        case 3 if isinstance(holder, Members):
            holder[at] = (holder[pick(len(holder))][0], value)
        case 4:
            put(str(value) if isinstance(value, Raw) else Raw(json.dumps(str(value)[:50])))
        case 5:
            put([value])
        case 6:
            put(Members([("a", value)]))
        case 7 if isinstance(value, str) and not isinstance(value, Raw):
            put(Raw(value or "0"))
        case 8 if isinstance(value, list):
            value.clear()
        case 9 if isinstance(value, list):
            value *= 1 + pick(20)
        case 10:
            other = list(_places(parsed(texts[pick(len(texts))])))
            there, spot = other[pick(len(other))]
            put(there[spot][1] if isinstance(there, Members) else there[spot])
        case _:
            put(Raw(TOKENS[pick(len(TOKENS))]))
    return tree


def _places(tree: Any) -> list[tuple[Any, int]]:
    found: list[tuple[Any, int]] = []
    left = [tree]
    while left and len(found) < 400:
        holder = left.pop()
        if not isinstance(holder, list):
            continue
        for at, member in enumerate(holder):
            found.append((holder, at))
            left.append(member[1] if isinstance(holder, Members) else member)
    return found


def _torn(body: bytes, pick: Pick) -> bytes:
    """Tear the bytes: cut, repeat, or overwrite a part with noise."""
    first = pick(len(body) + 1)
    last = min(len(body), first + pick(9))
    match pick(4):
        case 0:
            return body[:first]
        case 1:
            return body + body[:first]
        case 2:
            return body[:first] + body[last:]
        case _:
            return body[:first] + NOISE[pick(len(NOISE))] + body[last:]
