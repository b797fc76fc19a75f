"""Amounts of money, kept as whole hundredths so that nothing is rounded or mistaken by 100."""

import re
from dataclasses import dataclass

from twoafc_server.base.errors import InputError

# With both decimals: "30" could mean thirty or thirty hundredths, "30.00" and "0.30" cannot.
_MAJOR = re.compile(r"(\d{1,5})\.(\d{2})")
CURRENCIES = ("GBP", "USD", "EUR")


@dataclass(frozen=True, order=True)
class Money:
    """minor: hundredths of the currency, pence or cents; above 0."""

    minor: int
    currency: str

    def __str__(self) -> str:
        return f"{self.major} {self.currency}"

    @property
    def major(self) -> str:
        """As Prolific's bonus list wants it: 1.50 for one pound fifty."""
        return f"{self.minor // 100}.{self.minor % 100:02d}"


def money(text: str, currency: str) -> Money:
    """From an amount in major units with two decimals. Raises InputError for any other form."""
    if currency not in CURRENCIES:
        raise InputError(f"found currency {currency!r}, wanted one of {', '.join(CURRENCIES)}")
    match = _MAJOR.fullmatch(text.strip())
    if not match:
        raise InputError(f"found the amount {text!r}, wanted two decimals, such as 0.30 or 30.00")
    minor = int(match[1]) * 100 + int(match[2])
    if not minor:
        raise InputError(f"found the amount {text!r}, wanted more than nothing")
    return Money(minor, currency)
