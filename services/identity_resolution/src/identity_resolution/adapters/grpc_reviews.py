"""Reviews as messages."""

from collections.abc import Iterable
from typing import Final

from cairn.identity.v1 import identity_pb2 as pb
from identity_resolution.application.decide_reviews import Review
from identity_resolution.domain.matching import Told

STATES: Final = {
    "": pb.REVIEW_STATE_UNSPECIFIED,
    "open": pb.REVIEW_STATE_OPEN,
    "accepted": pb.REVIEW_STATE_ACCEPTED,
    "rejected": pb.REVIEW_STATE_REJECTED,
    "joined": pb.REVIEW_STATE_JOINED,
}
STATE_NAMES: Final = {number: name for name, number in STATES.items()}
LEAST_BITS: Final = -1e9


def review_message(review: Review) -> pb.Review:
    """A review."""
    left, right = (pb.ProfileIdentifier(namespace=one.namespace, token=one.token) for one in review.identifiers)
    message = pb.Review(
        id=review.id,
        state=STATES[review.state],
        left_profile_id=review.profile_ids[0],
        right_profile_id=review.profile_ids[1],
        left=left,
        right=right,
        bits=review.bits,
        fields=field_weights(review.told),
        refusal=review.refusal,
    )
    message.since_time.FromMicroseconds(review.since)
    if review.decided is not None:
        decided = review.decided
        message.statement_id, message.author, message.reason = decided.id, decided.author, decided.reason
    return message


def field_weights(told: Iterable[Told]) -> list[pb.FieldWeight]:
    """What bits add up from."""
    return [pb.FieldWeight(field=one.field, level=one.level, bits=one.bits) for one in told]
