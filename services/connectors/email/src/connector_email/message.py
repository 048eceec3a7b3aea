"""The message as it goes over the wire (RFC 5322). By hand: the email package's policies take ten times as long."""

from binascii import b2a_qp
from email.header import Header

from cairn_connector import Dispatch, Rejected

ALTERNATIVE = b'multipart/alternative; boundary="%b"'
LONGEST_LINE = 900
"""A header line longer than this is folded."""


def message_id(delivery_id: str, sender: str) -> str:
    """The same for every attempt of a delivery: that is how the mail server is asked for it."""
    return f"<{delivery_id}@{sender.rpartition('@')[2]}>"


def compose(dispatch: Dispatch, sender: str) -> bytes:
    """Subject, body and, if there is one, html. Raises Rejected if that is no message."""
    content = dispatch.content
    if not content.get("body"):
        raise Rejected("NO_BODY")
    headers = {
        "From": _address(sender),
        "To": _address(dispatch.recipient),
        "Subject": _words(content.get("subject", "")),
        "Message-ID": message_id(dispatch.delivery_id, sender),
        "Content-Language": _words(dispatch.locale),
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
    }
    head = b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items() if value)
    plain = _part("plain", content["body"])
    if "html" not in content:
        return head + plain
    boundary = f"cairn-{dispatch.delivery_id}".encode()
    parts = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in (plain, _part("html", content["html"])))
    return head + b"Content-Type: " + ALTERNATIVE % boundary + b"\r\n\r\n" + parts + b"--%b--\r\n" % boundary


def _part(kind: str, text: str) -> bytes:
    lines = "\r\n".join(text.splitlines()) + "\r\n"
    if lines.isascii() and max(map(len, lines.splitlines()), default=0) < LONGEST_LINE:
        return f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n{lines}".encode()
    quoted = b2a_qp(lines.encode(), istext=True)
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode() + quoted


def _words(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise Rejected("MESSAGE_INVALID")
    if text.isascii() and len(text) < LONGEST_LINE:
        return text
    return Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _address(text: str) -> str:
    user, at, domain = text.rpartition("@")
    if not (user and at and domain) or any(letter.isspace() or letter in '<>(),;"' for letter in text):
        raise Rejected("ADDRESS_INVALID")
    return text
