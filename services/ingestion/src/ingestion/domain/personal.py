"""Which fields are personal: they are sealed before anything is stored. This is the one list."""

from collections.abc import Set
from typing import Final

PERSONAL: Final = frozenset(
    """
    address address1 address2 addressline1 addressline2 billingaddress homeaddress postaladdress shippingaddress
    street streetaddress
    birthdate birthday dateofbirth dob
    card cardnumber creditcard iban
    driverslicense nationalid passport passportnumber socialsecuritynumber ssn taxid
    email emailaddress fax mobile mobilenumber mobilephone phone phonenumber tel telephone
    familyname firstname fullname givenname lastname maidenname middlename surname
    advertisingid idfa ip ipaddress password
    """.split()
)
"""Personal wherever they stand; written without case and punctuation: `first_name` is `firstname`."""

PERSONAL_TRAITS: Final = PERSONAL | frozenset({"avatar", "name", "nickname", "username"})
"""Personal among the traits of a person; elsewhere `name` is the name of a product or a page."""


REMEMBERED: Final = 10_000


class Personal(dict[str, bool]):
    """Whether a field is personal, by its name; `[name]` works it out once, `get(name)` is None before that."""

    def __init__(self, words: Set[str], names: Set[str] = frozenset()) -> None:
        """`words` are without case and punctuation, `names` exactly as fields are named."""
        self._words = words
        self._names = names

    def __missing__(self, name: str) -> bool:
        if len(self) >= REMEMBERED:
            self.clear()
        personal = self[name] = name in self._names or "".join(filter(str.isalnum, name)).lower() in self._words
        return personal

    def also(self, names: Set[str]) -> "Personal":
        """With the fields that an event type declares personal."""
        return Personal(self._words, self._names | names) if names else self


FIELDS: Final = Personal(PERSONAL)
TRAITS: Final = Personal(PERSONAL_TRAITS)
