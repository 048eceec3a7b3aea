import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cairn_connector import Dispatch, Rejected
from connector_email.message import compose, message_id

SENDER = "cairn@cairn.invalid"
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), min_size=1)
LINE = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")))


def dispatch(*, recipient: str = "h1@households.example", **content: str) -> Dispatch:
    return Dispatch("d-1", 1, "default", "greet", recipient, content, "de-AT", 1.0)


@given(subject=LINE, body=TEXT)
def test_subject_and_body_arrive_as_they_were(subject: str, body: str) -> None:
    if not body.strip():
        return
    parsed = email.message_from_bytes(
        compose(dispatch(subject=subject, body=body), SENDER), policy=email.policy.default
    )
    told = parsed.get_body(("plain",))
    assert told is not None
    assert told.get_content().splitlines() == body.splitlines()
    assert str(parsed["Subject"] or "").split() == subject.split()
    assert parsed["Message-ID"] == "<d-1@cairn.invalid>"
    assert not parsed.defects


def test_markup_goes_as_an_alternative_to_the_plain_text() -> None:
    raw = compose(dispatch(subject="Hi", body="Grüße", html="<p>Grüße</p>"), SENDER)
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in parsed.iter_parts()] == ["Grüße", "<p>Grüße</p>"]


@pytest.mark.parametrize("recipient", ["", "h1", "@x", "h1@", "a b@c", "a@b\r\nBcc: x@y", "<a@b>", "a@b,c@d"])
def test_an_address_that_is_none_is_rejected(recipient: str) -> None:
    with pytest.raises(Rejected, match="ADDRESS_INVALID"):
        compose(dispatch(recipient=recipient, subject="Hi", body="Hi"), SENDER)


def test_a_header_cannot_be_smuggled_in_through_the_subject() -> None:
    with pytest.raises(Rejected, match="MESSAGE_INVALID"):
        compose(dispatch(subject="Hi\r\nBcc: x@y.example", body="Hi"), SENDER)


def test_without_a_body_there_is_no_message() -> None:
    with pytest.raises(Rejected, match="NO_BODY"):
        compose(dispatch(subject="Hi", body=""), SENDER)


def test_every_attempt_has_the_same_message_id() -> None:
    assert message_id("d-1", SENDER) == "<d-1@cairn.invalid>"
