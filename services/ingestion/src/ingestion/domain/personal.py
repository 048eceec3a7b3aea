"""Which fields are personal: they are sealed before anything is stored. This is the one list."""

from functools import lru_cache
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


@lru_cache(maxsize=10_000)
def is_personal(key: str) -> bool:
    return _bare(key) in PERSONAL


@lru_cache(maxsize=10_000)
def is_personal_trait(key: str) -> bool:
    return _bare(key) in PERSONAL_TRAITS


def _bare(key: str) -> str:
    return "".join(filter(str.isalnum, key)).lower()
