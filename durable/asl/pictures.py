"""$formatNumber as jsonata 2.0.6 has it: a number in the form that a picture shows.

Source: XPath and XQuery Functions and Operators 3.1, section 4.7, as far as jsonata follows it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jsonata.jexception import JException

from durable.asl.numerals import number_text

_SIGNS: Final[Mapping[str, str]] = {
    "decimal-separator": ".",
    "grouping-separator": ",",
    "exponent-separator": "e",
    "minus-sign": "-",
    "percent": "%",
    "per-mille": "\u2030",
    "zero-digit": "0",
    "digit": "#",
    "pattern-separator": ";",
}
_EXPONENT_OF_FIXED: Final = 1e21
"""From here on JavaScript writes an exponent whatever the number of digits."""

Round = Callable[[Any, Any], Any]


class Signs:
    """The characters that mean something in a picture."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        signs: dict[str, str] = {**_SIGNS, **options}
        self.decimal, self.grouping = signs["decimal-separator"], signs["grouping-separator"]
        self.exponent, self.minus = signs["exponent-separator"], signs["minus-sign"]
        self.percent, self.per_mille = signs["percent"], signs["per-mille"]
        self.optional, self.separator = signs["digit"], signs["pattern-separator"]
        self.zero = signs["zero-digit"]
        self.digits = [chr(ord(self.zero[0]) + digit) for digit in range(10)]
        self.active = {*self.digits, self.decimal, self.grouping, self.optional, self.separator}

    def count(self, part: str, *, optional: bool = False) -> int:
        """Return how many digits a part has, with or without the optional ones."""
        return sum(sign in self.digits or (optional and sign == self.optional) for sign in part)

    def text(self, value: float, places: int) -> str:
        """Return the digits of a number without its sign, with so many places after the point."""
        size = abs(value)
        text = number_text(size) if size >= _EXPONENT_OF_FIXED else f"{size:.{places}f}"
        if self.zero == "0":
            return text
        return "".join(self.digits[int(sign)] if "0" <= sign <= "9" else sign for sign in text)


@dataclass(frozen=True, slots=True)
class Picture:
    """One of a picture's two halves, taken apart."""

    text: str
    prefix: str
    suffix: str
    active: str
    mantissa: str
    exponent: str | None
    whole: str
    fraction: str


def format_number(value: float, picture: str, options: Mapping[str, Any] | None, round: Round) -> str:
    """Return a number as a picture shows it; `round` is $round. Raises JException."""
    signs = Signs(options or {})
    texts = picture.split(signs.separator)
    if len(texts) > 2:
        raise JException("D3080", -1)
    halves = [_taken_apart(text, signs) for text in texts]
    for half in halves:
        _check(half, signs)
    half = halves[0] if value >= 0 else halves[-1]
    # A second half writes negative numbers in its own way, as "(1)": only without one is the sign put before.
    sign = signs.minus if value < 0 and len(halves) == 1 else ""
    scale = 100 if signs.percent in half.text else 1000 if signs.per_mille in half.text else 1
    return sign + half.prefix + _shown(value * scale, half, signs, round) + half.suffix


def _taken_apart(text: str, signs: Signs) -> Picture:
    active = [index for index, sign in enumerate(text) if sign in signs.active]
    if not active:
        raise JException("D3085", -1)
    start, end = active[0], active[-1] + 1
    mantissa, exponent = text[start:end], None
    position = text.find(signs.exponent, start)
    # `position` counts from the text's beginning, and the slice from `start`: jsonata does so, for a prefix too.
    if -1 < position <= end:
        mantissa, exponent = mantissa[:position], mantissa[position + 1 :]
    whole, _, fraction = mantissa.partition(signs.decimal)
    return Picture(text, text[:start], text[end:], text[start:end], mantissa, exponent, whole, fraction)


def _check(half: Picture, signs: Signs) -> None:
    """Raise the last of the problems, as jsonata does."""
    text, decimal, grouping = half.text, signs.decimal, signs.grouping
    position = text.find(decimal)
    scaled = signs.percent in text or signs.per_mille in text
    beside = text[max(position - 1, 0) : position + 2]
    after, before = half.whole.partition(signs.optional)[0], half.fraction.rpartition(signs.optional)[2]
    problems = {
        "D3081": text.count(decimal) > 1,
        "D3082": text.count(signs.percent) > 1,
        "D3083": text.count(signs.per_mille) > 1,
        "D3084": signs.percent in text and signs.per_mille in text,
        "D3085": not signs.count(half.mantissa, optional=True),
        "D3086": any(sign not in signs.active and sign != signs.exponent for sign in half.active),
        "D3087": position >= 0 and grouping in beside,
        "D3088": position < 0 and half.whole.endswith(grouping),
        "D3089": grouping * 2 in text,
        "D3090": signs.optional in half.whole and signs.count(after) > 0,
        "D3091": signs.optional in half.fraction and signs.count(before) > 0,
        "D3092": bool(half.exponent) and scaled,
        "D3093": half.exponent is not None and signs.count(half.exponent) != len(half.exponent or " "),
    }
    found = [code for code, is_there in problems.items() if is_there]
    if found:
        raise JException(found[-1], -1)


def _shown(number: float, half: Picture, signs: Signs, round: Round) -> str:
    whole, least, most = _sizes(half, signs)
    mantissa, exponent = number, 0
    if half.exponent is not None:
        mantissa, exponent = _scaled(number, signs.count(half.whole))
    before, _, after = signs.text(round(mantissa, most), most).partition(".")
    before = before.lstrip(signs.zero).rjust(whole, signs.zero)
    after = after.rstrip(signs.zero).ljust(least, signs.zero)
    shown = _grouped(before, after, half, signs)
    # `_grouped` always puts a decimal separator in.
    if signs.decimal not in half.text or shown.endswith(signs.decimal):
        shown = shown[:-1]
    if half.exponent is None:
        return shown
    digits = signs.text(exponent, 0).rjust(len(half.exponent), signs.zero)
    return f"{shown}{signs.exponent}{signs.minus if exponent < 0 else ''}{digits}"


def _sizes(half: Picture, signs: Signs) -> tuple[int, int, int]:
    """Return the least digits before the point, and the least and the most after it."""
    whole, least = signs.count(half.whole), signs.count(half.fraction)
    most = signs.count(half.fraction, optional=True)
    if whole == 0 and most == 0:
        if half.exponent is None:
            whole = 1
        else:
            least = most = 1
    if half.exponent is not None and whole == 0 and signs.optional in half.whole:
        whole = 1
    return whole, 1 if whole == 0 and least == 0 else least, most


def _scaled(number: float, places: int) -> tuple[float, int]:
    """Return a mantissa of so many places before the point, and its exponent of ten."""
    mantissa, exponent = abs(number), 0
    while 0 < mantissa < math.pow(10, places - 1):
        mantissa, exponent = mantissa * 10, exponent - 1
    while mantissa > math.pow(10, places):
        mantissa, exponent = mantissa / 10, exponent + 1
    return mantissa, exponent


def _grouped(before: str, after: str, half: Picture, signs: Signs) -> str:
    """Put the grouping separators in; one that has no place before the digits is counted from the end, as there."""
    text, point = before + signs.decimal + after, len(before)
    positions = _positions(half.whole, signs)
    size = _regular(positions)
    if size:
        positions = [size * group for group in range((point - 1) // size, 0, -1)]
    for position in positions:
        # From the left: each separator moves the point, and all positions count from there.
        cut = point - position
        text = text[:cut] + signs.grouping + text[cut:]
        point += 1
    if signs.grouping not in half.fraction:
        return text
    left = signs.count(half.fraction.partition(signs.grouping)[0], optional=True)
    cut = text.find(signs.decimal) + 1 + left
    return text[:cut] + signs.grouping + text[cut:]


def _positions(part: str, signs: Signs) -> list[int]:
    """Return before how many digits each grouping separator stands."""
    found = [index for index, sign in enumerate(part) if sign == signs.grouping]
    return [signs.count(part[index:], optional=True) for index in found]


def _regular(positions: list[int]) -> int:
    """Return the distance of the separators if it is the same for all, else 0."""
    size = functools.reduce(math.gcd, positions, 0)
    return size if all(size * (index + 1) in positions for index in range(len(positions))) else 0
