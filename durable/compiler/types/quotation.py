"""The `repr` of a string, in JSONata: quoted as CPython quotes it in `{text!r}` and in what its errors say."""

from __future__ import annotations

from typing import Final

from durable.compiler.types.terms import TEXT, Expression, Formula

# Controls, formats, separators and private characters up to 0xFFFF, of which CPython writes the number. Which other
# characters have none yet is another thing in each version of Unicode: those stand as they are.
_ESCAPED: Final = (
    r"\x00-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u1680\u180e\u2000-\u200f\u2028-\u202f"
    r"\u205f-\u2064\u2066-\u206f\u3000\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe-\uffff"
)
# JSONata has no number of a character: it is worked out of its UTF-8, as `%E2%80%8B`. 12416 and 925824 are what the
# marks of two and three bytes come to.
_NUMBER: Final = (
    '$p := $split($substring($encodeUrlComponent($m.match), 1), "%"); $n := $reduce($p, function($s, $x) { $s * 64'
    " + 16 * $h($substring($x, 0, 1)) + $h($substring($x, 1)) }, 0) - [0, 12416, 925824][$count($p) - 1];"
)
QUOTED: Final = (
    r'($q := $contains($a, "\'") and $not($contains($a, "\"")) ? "\"" : "\'";'
    r' $h := function($d) { $length($substringBefore("0123456789ABCDEF", $d)) };'
    r' $t := $replace($replace($a, "\\", "\\\\"), $q, "\\" & $q);'
    f" $q & $replace($t, /[{_ESCAPED}]/, function($m) {{ ({_NUMBER}"
    r' $n = 10 ? "\\n" : $n = 13 ? "\\r" : $n = 9 ? "\\t" : $n < 256 ? "\\x" & $pad($formatBase($n, 16), -2, "0")'
    r' : "\\u" & $pad($formatBase($n, 16), -4, "0")) }) & $q)'
).replace(r"\'", "'")
"""The `repr` of the string `$a`."""


def quoted(text: Expression) -> Expression:
    """Return the `repr` of a string."""
    return Formula(QUOTED, (text,), TEXT)
