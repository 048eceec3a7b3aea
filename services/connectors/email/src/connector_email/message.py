from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

from cairn_connector import Dispatch, Rejected


def message_id(delivery_id: str, sender: str) -> str:
    """The same for every attempt of a delivery: that is how the mail server is asked for it."""
    return f"<{delivery_id}@{sender.rpartition('@')[2]}>"


def compose(dispatch: Dispatch, sender: str) -> bytes:
    """The message as it goes over the wire. Raises Rejected if it is not one."""
    if not dispatch.content.get("body"):
        raise Rejected("NO_BODY")
    recipient = dispatch.recipient
    try:
        message = EmailMessage(policy=SMTP if recipient.isascii() else SMTPUTF8)
        message["From"] = _address(sender)
        message["To"] = _address(recipient)
        message["Subject"] = dispatch.content.get("subject", "")
        message["Message-ID"] = message_id(dispatch.delivery_id, sender)
        message["Content-Language"] = dispatch.locale
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(dispatch.content["body"])
        if "html" in dispatch.content:
            message.add_alternative(dispatch.content["html"], subtype="html")
        return message.as_bytes()
    except ValueError as error:  # an address that is none, a line break in a header
        raise Rejected("MESSAGE_INVALID") from error


def _address(text: str) -> Address:
    """Split by hand: the parser of Address refuses letters outside ASCII, which SMTPUTF8 allows."""
    user, at, domain = text.rpartition("@")
    if not (user and at and domain) or any(letter.isspace() for letter in text):
        raise ValueError("not an address")
    return Address(username=user, domain=domain)
