"""The hint: whether a text may hold a credential at all. Most do not, and are then not looked at any further.

One search. The pattern is anchored at characters that are rare in texts, because the regular expression engine passes quickly
over all others: ``k`` for *key* and *token*, ``z`` for *authorization*, ``J`` for ``eyJ``. It may find too much, never too
little: `tests/credentials` compares it with the rules.
"""

from __future__ import annotations

import re

_NAMES = "key ken swd pwd kie jwt auth cret crets sword phrase gnature dential dentials".split()
"""How the names of credentials end."""

_BETWEEN = ("", "[\"' ]", r"[\"'\\][\"' ]", r"\\\\[\"']", r"\\[\"'] ")
"""What may stand between a name and the sign that assigns a value to it: a quote, a space, a quote in JSON in JSON."""

_ENDS = [
    "|".join("".join(f"[{c}{c.upper()}]" for c in name) for name in _NAMES if len(name) == length) for length in range(3, 9)
]
_ASSIGNED = (
    r"(?<=[ynteldhsYNTELDHS\"' ][:=])(?:"
    + "|".join(f"(?<=(?:{ends}){between}[:=])" for between in _BETWEEN for ends in _ENDS if ends)
    + "".join(f"|(?<=[0-9]{between}[:=])" for between in _BETWEEN if between)  # API_KEY_2
    + ")"
)
_ANCHORED = {
    "-": r"(?:(?<=[lsapxydr][kixt]-)(?:(?<=sk-)|(?<=plx-)|(?<=[apy][ap]i-)|(?<=xai-)|(?<=[adr]t-))|(?<=ox.-)|BEGIN"
    r"|(?:(?<=[^\w-]--)|(?<=\A--))[A-Za-z])",
    ":": _ASSIGNED,
    "_": (
        r"(?:(?<=[gsrhatpdnov][kpousrftm2]_)(?:(?<=[gsr]k_)(?:(?<![aeiou][sr]k_)|(?<=%..[sr]k_))"
        r"|(?<=gh._)|(?<=hf_)|(?<=(?:pat|npm|tgp|dop|sv2)_))|(?<=r8_))"
    ),
    "B": r"(?:[eE][aA][rR][eE][rR][ \t]|[aA][sS][iI][cC][ \t])",
    "A": r"(?:KIA|SIA|BIA|CCA|BSK|Iza)",
    "/": r"(?:(?<=:/)|(?<=:\\/)|(?<=:\\\\/))",
    "z": r"(?<=riz)ati",
    "J": r"(?<=eyJ)",
    ".": r"(?<=ya29\.)",
    "I": r"(?:llegal |nvalid )",
    "Z": r"(?<=RIZ)ATI",
    "=": r"(?:(?<=[?&;].=)|(?<=[?&;]..=)|(?<=[?&;]...=)|(?<=[?&;]....=)|(?<=(?:[iI][gG]|[cC]y|[iI][dD])=)|" + _ASSIGNED + ")",
}
_PATTERN = "|".join(f"{re.escape(anchor)}{rest}" for anchor, rest in _ANCHORED.items())
search = re.compile(_PATTERN).search
"""Searches a text for the first place where a credential may be."""


def of_text(text: str) -> bool:
    """Whether `text` may hold a credential."""
    return search(text) is not None
