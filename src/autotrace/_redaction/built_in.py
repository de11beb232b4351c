"""Built-in patterns that can be switched on: e-mail addresses, phone numbers and card numbers."""

from __future__ import annotations

import re

from autotrace._credentials.scrubbing import Pattern

_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9_][\w.+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+[1-9][0-9]{0,2}[ .-]?(?:\(0?[0-9]{1,4}\)[ .-]?)?[0-9](?:[ .\/-]?[0-9]){5,12}"
    r"|\(?0?[1-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4}"
    r"|\(?0[1-9][0-9]{1,4}\)?[ \/-]{1,3}[0-9](?:[ -]?[0-9]){4,9})(?![\w-])"
)
_NUMBERS = re.compile(r"[+(0-9][0-9 ().\/-]{5,}[0-9]")
_CARD = re.compile(r"(?<![\w.-])[2-6][0-9](?:[ -]?[0-9]){10,17}(?![\w-])")


def is_card(text: str) -> bool:
    """Whether the digits in `text` are a card number: as long as one, and with a valid check digit (ISO/IEC 7812, Luhn)."""
    digits = [int(c) for c in text if c.isdigit()]
    doubled = [digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4) for place, digit in enumerate(reversed(digits))]
    return 12 <= len(digits) <= 19 and len(set(digits)) > 1 and sum(doubled) % 10 == 0


PATTERNS = {
    "card": Pattern("card", _CARD, is_card, _NUMBERS),
    "email": Pattern("email", _EMAIL, None, re.compile(r"[\w.+-]{1,64}@[A-Za-z0-9.-]{1,300}")),
    "phone": Pattern("phone", _PHONE, None, _NUMBERS),
}
"""The patterns by the names that the setting `redact` has for them, in the order in which they run."""
