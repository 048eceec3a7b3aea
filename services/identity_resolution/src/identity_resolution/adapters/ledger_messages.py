"""Traits and consents as the contract tells them."""

from cairn.identity.v1 import identity_pb2 as pb
from cairn_kernel.consents import Word
from identity_resolution.application.ledgers import ConsentLedger
from identity_resolution.domain.traits import Trait, Value

_STANDINGS = {
    None: pb.CONSENT_STANDING_SILENT,
    True: pb.CONSENT_STANDING_GRANTED,
    False: pb.CONSENT_STANDING_REFUSED,
}


def trait(told: Trait) -> pb.Trait:
    """A trait with its values."""
    return pb.Trait(name=told.name, rule=str(told.rule.keep), values=[_value(one) for one in told.values])


def consents(ledger: ConsentLedger, channel: str, class_: str) -> pb.GetConsentsResponse:
    """A ledger; with a channel and a class also what it says about them."""
    answer = pb.GetConsentsResponse(profile_id=ledger.profile_id, entries=[entry(word) for word in ledger.words])
    if channel and class_:
        said = ledger.standing(channel, class_)
        answer.standing = _STANDINGS[said.allowed]
        answer.decided_by_event_id = said.word.event_id if said.word else ""
    return answer


def entry(word: Word) -> pb.ConsentEntry:
    """One entry."""
    message = pb.ConsentEntry(
        event_id=word.event_id,
        channel=word.channel,
        state=word.state,
        reason=word.reason,
        purpose=word.purpose,
        source=word.source,
        proof=word.proof,
        author=word.author,
        profile_id=word.profile_id,
    )
    setattr(message, "class", word.class_)
    message.time.FromMicroseconds(word.at)
    message.known_time.FromMicroseconds(word.as_of)
    return message


def _value(value: Value) -> pb.TraitValue:
    message = pb.TraitValue(
        json=value.json,
        sealed=value.sealed,
        event_id=value.evidence.event_id,
        source=value.evidence.source,
        times=value.times,
    )
    message.event_time.FromMicroseconds(value.evidence.event_time)
    message.known_time.FromMicroseconds(value.evidence.as_of)
    return message
