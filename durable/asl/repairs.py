"""Functions of JSONata as jsonata 2.0.6 has them, where the library gives something else."""

from __future__ import annotations

import base64
import math
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from durable.asl.bounds import check_characters, check_items
from durable.asl.numerals import number_text, value_text
from durable.asl.pictures import format_number
from durable.asl.signatures import Function

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?", re.ASCII)
_RADIX: Final = re.compile(r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+", re.ASCII)


def _string(value: Any, prettify: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Utils.JList) and value.outer_wrapper:
        value = value[0]
    if Utils.is_function(value) or Functions.is_lambda(value) or Functions.is_regex(value):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        raise JException("D3001", -1)
    return value_text(value, Utils.NULL_VALUE, indented=bool(prettify))


def _number(value: Any) -> Any:
    """Cast as jsonata does: the library takes whatever Python's float does, and raises ValueError."""
    if not isinstance(value, str):
        return None if value is None else Utils.convert_number(float(value))
    if _RADIX.fullmatch(value):
        return int(value, 0)
    if not _NUMBER.fullmatch(value) or not math.isfinite(float(value)):
        raise JException("D3030", -1, value)
    return Utils.convert_number(float(value))


def _round(value: Any, precision: Any) -> Any:
    """Round half to even, on the decimal digits."""
    if value is None:
        return None
    if precision is not None:
        value = _shifted(value, math.floor(precision))
    # `floor(value + 0.5)` would take the number next below 0.5 for 1: their sum is rounded.
    below = math.floor(value)
    result = below + (value - below >= 0.5) if abs(value) < 2**52 else value
    if abs(result - value) == 0.5 and result % 2 == 1:
        result -= 1
    return Utils.convert_number(result if precision is None else _shifted(result, -math.floor(precision)))


def _shifted(number: float, places: int) -> float:
    # In the text, not by a factor of ten: 1.005 * 100 is 100.49999999999999.
    digits, _, exponent = number_text(number).partition("e")
    return float(f"{digits}e{int(exponent or 0) + places}")


def _power(base: Any, exponent: Any) -> Any:
    if base is None:
        return None
    # Not `**`, which gives a complex number for the root of a negative one, and whole numbers without end.
    try:
        result = math.pow(base, exponent)
    except (ValueError, OverflowError, TypeError, ZeroDivisionError) as error:
        raise JException("D3061", -1, base, exponent) from error
    return Utils.convert_number(result)


_ISO_8601: Final = re.compile(
    r"\d{4}(-[01]\d(-[0-3]\d(T[0-2]\d:[0-5]\d:[0-5]\d(\.\d+)?([+-][0-2]\d:?[0-5]\d|Z)?)?)?)?", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _to_millis(text: Any, picture: Any) -> Any:
    """Return the ms since 1970, exactly: the library goes through a float, and may lose one."""
    if text is None or picture is not None:
        return Functions.datetime_to_millis(text, picture)
    try:
        if _ISO_8601.fullmatch(text):
            # Adds the month and the day that a shorter form leaves out.
            moment = datetime.fromisoformat(text + "-01-01"[len(text) - 4 :])
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return (zoned - _EPOCH) // timedelta(milliseconds=1)
    except ValueError:
        pass
    raise JException("D3110", -1, text)


def _sort(items: Any, comparator: Any) -> Any:
    """Sort as jsonata does: stable, where the library turns ties of a comparator round."""
    if items is None or len(items) < 2:
        return items
    if comparator is not None:
        return sorted(items, key=_key(comparator))
    if not (Utils.is_array_of_numbers(items) or Utils.is_array_of_strings(items)):
        raise JException("D3070", -1)
    return sorted(items)


def _key(comparator: Any) -> Callable[[Any], Any]:
    class Key:
        def __init__(self, item: Any) -> None:
            self.item = item

        def __lt__(self, other: Key) -> bool:
            # A comparator says whether its first argument comes after its second.
            return bool(Jsonata.boolize(Functions.func_apply(comparator, [other.item, self.item])))

    return Key


def _distinct(items: Any) -> Any:
    """Leave out what is there already; a list that is no sequence stays one, and 1 is not true."""
    if not isinstance(items, list) or len(items) < 2:
        return items
    # Quadratic, as in jsonata: dicts and lists have no hash, and equality is in depth.
    kept = Utils.create_sequence() if Utils.is_sequence(items) else []
    for item in items:
        if not any(Utils.is_deep_equal(item, each) for each in kept):
            kept.append(item)
    return kept


def _substring(text: Any, start: Any, length: Any) -> Any:
    """Cut as JavaScript does: a fraction is dropped only when start and length are added up."""
    if text is None or start is None:
        return text if length is None or text is None else ""
    first = start if len(text) + start >= 0 else 0
    # Counted in code points: jsonata takes a text apart by `Array.from`, so an emoji is one character here and there.
    if length is None:
        return text[int(first) :]
    if length <= 0:
        return ""
    return text[int(first) : int(first + length if first >= 0 else len(text) + first + length)]


def _matches(matcher: Any, text: str, name: str) -> Iterator[re.Match[str]]:
    """Yield the matches; one of no length may be the first, and nothing can come after it."""
    if not isinstance(matcher, re.Pattern):
        raise JException("T1010", -1, name)
    end = -1
    for found in matcher.finditer(text):
        if end >= len(text):
            return
        # jsonata finds the next match from the end of the last one. One of no length would be found for ever: D1004.
        if end >= 0 and not found[0]:
            raise JException("D1004", -1)
        yield found
        end = found.end()
        if not found[0] and end < len(text):
            raise JException("D1004", -1)


def _limit(limit: Any, code: str) -> float:
    if limit is not None and limit < 0:
        raise JException(code, -1, limit)
    return math.inf if limit is None else limit


def _match(text: Any, matcher: Any, limit: Any) -> Any:
    if text is None:
        return None
    most, found = _limit(limit, "D3040"), Utils.create_sequence()
    for each in _matches(matcher, text, "match"):
        if len(found) >= most:
            break
        found.append({"match": each[0], "index": each.start(), "groups": _groups(each)})
    return found


def _groups(found: re.Match[str]) -> list[Any]:
    return [Utils.NULL_VALUE if group is None else group for group in found.groups()]


def _contains(text: Any, token: Any) -> Any:
    if text is None:
        return None
    if isinstance(token, str):
        return token in text
    return next(_matches(token, text, "contains"), None) is not None


def _split(text: Any, separator: Any, limit: Any) -> Any:
    if text is None:
        return None
    most = _limit(limit, "D3020")
    if isinstance(separator, str):
        parts = text.split(separator) if separator else list(text)
        return parts if most == math.inf else parts[: math.floor(most)]
    parts, start = [], 0
    for found in _matches(separator, text, "split"):
        if len(parts) >= most:
            break
        parts.append(text[start : found.start()])
        start = found.end()
    if len(parts) < most:
        parts.append(text[start:])
    return parts


def _replace(text: Any, pattern: Any, replacement: Any, limit: Any) -> Any:
    if text is None:
        return None
    if pattern == "":
        raise JException("D3010", -1)
    most = _limit(limit, "D3011")
    if isinstance(pattern, str):
        if not isinstance(replacement, str):
            raise JException("D3012", -1)
        times = min(text.count(pattern), most)
        check_characters(len(text) + math.ceil(times * (len(replacement) - len(pattern))))
        return text.replace(pattern, replacement, -1 if most == math.inf else math.ceil(most))
    parts, start, size = [], 0, 0
    for count, found in enumerate(_matches(pattern, text, "replace")):
        if count >= most:
            break
        parts += [text[start : found.start()], _substitute(found, replacement)]
        start, size = found.end(), size + len(parts[-1])
        check_characters(size)
    return "".join([*parts, text[start:]])


def _substitute(found: re.Match[str], replacement: Any) -> str:
    if isinstance(replacement, str):
        return _expanded(found, replacement)
    match = {"match": found[0], "start": found.start(), "end": found.end(), "groups": _groups(found)}
    result = Functions.func_apply(replacement, [match])
    if not isinstance(result, str):
        raise JException("D3012", -1)
    return result


_REFERENCE: Final = re.compile(r"\$(\$|[0-9]+)", re.ASCII)


def _expanded(found: re.Match[str], replacement: str) -> str:
    """Put the groups in: as many digits count as the number of groups has, fewer if that is no group."""
    groups = found.re.groups
    most = len(str(groups)) if groups else 1

    def insert(reference: re.Match[str]) -> str:
        name = reference[1]
        if name == "$":
            return "$"
        if name[0] == "0":
            return found[0] + name[1:]
        digits = name[:most]
        if len(digits) > 1 and int(digits) > groups:
            digits = digits[:-1]
        return (found[int(digits)] or "" if int(digits) <= groups else "") + name[len(str(int(digits))) :]

    return _REFERENCE.sub(insert, replacement)


def _base64_decode(text: Any) -> Any:
    """Decode UTF-8; blanks and missing padding are forgiven."""
    if text is None:
        return None
    known = re.sub(r"[^A-Za-z0-9+/]", "", text.replace("-", "+").replace("_", "/"))
    whole = known[: len(known) - 1] if len(known) % 4 == 1 else known
    return base64.b64decode(whole + "=" * (-len(whole) % 4)).decode(errors="replace")


def _url(name: str, change: Callable[[str], str]) -> Callable[[Any], Any]:
    def call(text: Any) -> Any:
        try:
            return None if text is None else change(text)
        except UnicodeError as error:
            raise JException("D3140", -1, name, text) from error

    return call


def _pad(text: Any, width: Any, filling: Any) -> Any:
    check_characters(0 if width is None else math.trunc(abs(width)))
    return Functions.pad(text, width, filling)


def _join(texts: Any, separator: Any) -> Any:
    if texts is not None:
        check_characters(sum(map(len, texts)) + len(texts) * len(separator or ""))
    return Functions.join(texts, separator)


def _append(first: Any, second: Any) -> Any:
    if isinstance(first, list) and isinstance(second, list):
        check_items(len(first) + len(second))
    return Functions.append(first, second)


def _format_number(value: Any, picture: Any, options: Any) -> Any:
    return None if value is None else format_number(value, picture, options, _round)


def _format_integer(value: Any, picture: Any) -> Any:
    return None if value is None else Functions.format_integer(math.floor(value), picture)


_ENCODED: Final[Mapping[str, Callable[[str], str]]] = {
    "encodeUrlComponent": lambda text: urllib.parse.quote(text, safe="~()*!.'-_"),
    "encodeUrl": lambda text: urllib.parse.quote(text, safe="~@#$&()*!+=:;,?/'.-_"),
    "decodeUrlComponent": lambda text: urllib.parse.unquote(text, errors="strict"),
    "decodeUrl": lambda text: urllib.parse.unquote(text, errors="strict"),
}

REPAIRED: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "string": Function("string", _string, "<x-b?:s>"),
        "number": Function("number", _number, "<(nsb)-:n>"),
        "pad": Function("pad", _pad, "<s-ns?:s>"),
        "join": Function("join", _join, "<a<s>s?:s>"),
        "append": Function("append", _append, "<xx:a>"),
        "substring": Function("substring", _substring, "<s-nn?:s>"),
        "lowercase": Function("lowercase", lambda text: None if text is None else text.lower(), "<s-:s>"),
        "round": Function("round", _round, "<n-n?:n>"),
        "power": Function("power", _power, "<n-n:n>"),
        "toMillis": Function("toMillis", _to_millis, "<s-s?:n>"),
        "sort": Function("sort", _sort, "<af?:a>"),
        "distinct": Function("distinct", _distinct, "<x:x>"),
        "match": Function("match", _match, "<s-f<s:o>n?:a<o>>"),
        "contains": Function("contains", _contains, "<s-(sf):b>"),
        "split": Function("split", _split, "<s-(sf)n?:a<s>>"),
        "replace": Function("replace", _replace, "<s-(sf)(sf)n?:s>"),
        "formatNumber": Function("formatNumber", _format_number, "<n-so?:s>"),
        "formatInteger": Function("formatInteger", _format_integer, "<n-s:s>"),
        "base64decode": Function("base64decode", _base64_decode, "<s-:s>"),
        **{name: Function(name, _url(name, change), "<s-:s>") for name, change in _ENCODED.items()},
    }
)
"""By name, in place of the library's own."""
