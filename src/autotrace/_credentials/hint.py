"""The hint: whether encoded data may hold a credential at all. Most data does not, and is then not walked.

One search over the bytes. The pattern is anchored at characters that are rare in text and in JSON, because the regular expression
engine passes quickly over all others: ``k`` for *key* and *token*, ``z`` for *authorization*, ``J`` for ``eyJ``. It may find too
much, never too little: `tests/credentials` compares it with the walk.
"""

from __future__ import annotations

import re

_ENDS = r"[ \\]{0,16}[\"'=:,]"
_ANCHORED = {
    "-": r"(?:(?<=sk-)|(?<=xox.-)|(?<=plx-)|(?<=api-)|(?<=xai-)|(?<=ypi-)|(?<=gl..-)|(?<=gl...-)|(?<=gl....-)|BEGIN)",
    "_": r"(?:(?<=[gsr]k_)|(?<=gh._)|(?<=pat_)|(?<=hf_)|(?<=npm_)|(?<=r8_)|(?<=tgp_)|(?<=dop_)|(?<=sv2_))",
    "A": r"(?:KIA|SIA|BIA|CCA|BSK|Iza|SSPH|SSW)",
    "k": rf"(?:ey{_ENDS}|eys{_ENDS}|en{_ENDS}|ie)",
    "K": rf"(?:[eE][yY][sS]?{_ENDS}|[eE][nN]{_ENDS}|[iI][eE])",
    "z": r"(?<=riz)ati",
    "Z": r"ATI",
    "C": r"(?:RET|redential|REDENTIAL)",
    "E": r"(?:ADERS|ARER|CRET)",
    "J": r"(?<=eyJ)",
    "/": r"(?:(?<=:/)|(?<=:\\/)|(?<=:\\\\/))",
    "=": r"(?:(?<=[iI][gG]=)|(?<=[rR][eE]=)|(?<=ode=)|(?<=ac=)|(?<=uth=)|(?<=icy=)|(?<=nea=)|(?<=nts=)|(?<=[iI][dD]=))",
}
_PATTERN = "|".join(f"{re.escape(anchor)}{rest}" for anchor, rest in _ANCHORED.items())
_search_bytes = re.compile(_PATTERN.encode()).search
_search_text = re.compile(_PATTERN).search
_WORDS = ("ecret", "redential", "assw", "assph", "earer", "asic ", "pwd", "jwt", "ya29.", "auth", "Auth", "AUTH", 'eaders"')
_ENCODED_WORDS = tuple(word.encode() for word in _WORDS)


def of_json(encoded: bytes) -> bool:
    """Whether the data whose JSON is `encoded` may hold a credential."""
    return _search_bytes(encoded) is not None or any(word in encoded for word in _ENCODED_WORDS)


def of_text(text: str) -> bool:
    """Whether `text` may hold a credential."""
    return _search_text(text) is not None or any(word in text for word in _WORDS)
