from cairn_kernel.event import Identifier
from cairn_kernel.ids import stable_id
from identity_resolution.domain.moves import Merged, Split
from identity_resolution.domain.outputs import outputs
from identity_resolution.domain.resolution import Resolution

from .evidence import seen


def test_an_event_is_passed_on_under_its_profile_and_its_own_id() -> None:
    event = seen(5, "user_id:u", type="basket.purchased", amount="9.90")
    (resolved,) = outputs(event, Resolution("p"))
    assert (resolved.id, resolved.profile_id, resolved.as_of, resolved.data) == (event.id, "p", 5, {"amount": "9.90"})


def test_a_merge_is_told_to_both_profiles_before_the_event_that_caused_it() -> None:
    event = seen(5, "user_id:u", "card:c", id="cause")
    to_loser, to_survivor, resolved = outputs(event, Resolution("new", (Merged("old", "new"),)))
    assert to_loser.type == to_survivor.type == "identity.merged"
    assert to_loser.data == to_survivor.data == {"from": "old", "to": "new"}
    assert (to_loser.profile_id, to_survivor.profile_id, resolved.profile_id) == ("old", "new", "new")
    assert to_loser.id == stable_id("merged", "old", "new", "cause", "from")
    assert to_survivor.id == stable_id("merged", "old", "new", "cause", "to")
    assert (to_loser.causation_id, to_loser.as_of) == ("cause", 5)


def test_consent_is_told_as_a_control_event_after_its_touchpoint() -> None:
    event = seen(5, "user_id:u", type="consent.withdrawn", channel="email")
    resolved, changed = outputs(event, Resolution("p"))
    assert resolved.type == "consent.withdrawn"
    assert changed.type == "consent.changed"
    assert changed.data == {"channel": "email", "class": "*", "granted": False, "at": 5}
    assert changed.profile_id == "p"


def test_consent_granted_is_told_with_its_class() -> None:
    event = seen(5, "user_id:u", type="consent.granted", channel="sms", **{"class": "marketing"})
    _, changed = outputs(event, Resolution("p"))
    assert changed.data == {"channel": "sms", "class": "marketing", "granted": True, "at": 5}


def test_what_proves_a_consent_and_what_it_is_for_is_passed_on() -> None:
    event = seen(5, "user_id:u", type="consent.granted", purpose="newsletter", proof="form 7")
    _, changed = outputs(event, Resolution("p"))
    assert changed.data == {
        "channel": "*", "class": "*", "granted": True, "at": 5, "proof": "form 7", "purpose": "newsletter",
    }  # fmt: skip


def test_a_split_is_told_to_both_profiles_with_what_leaves() -> None:
    event = seen(5, "user_id:u", id="cause")
    moved, kept, junk = Identifier("card", "c"), Identifier("user_id", "u"), Identifier("email", "j")
    resolution = Resolution("a", (Split("a", "b", (moved, junk), (kept,), (junk,)),))
    from_a, to_b, _ = outputs(event, resolution)
    assert from_a.type == to_b.type == "identity.split"
    assert from_a.data == to_b.data
    assert from_a.data == {
        "from": "a", "to": "b", "moved": ["card:c", "email:j"], "kept": ["user_id:u"], "alone": ["email:j"], "at": 5,
    }  # fmt: skip
    assert (from_a.profile_id, to_b.profile_id, from_a.causation_id) == ("a", "b", "cause")


def test_two_splits_of_one_cause_from_one_profile_to_one_other_are_told_apart() -> None:
    event = seen(5, "user_id:u", "anonymous_id:a", id="cause")
    user, device = Identifier("user_id", "u"), Identifier("anonymous_id", "a")
    resolution = Resolution(
        "b", (Split("a", "b", (user,), (device,), (device,)), Split("a", "b", (device,), (), (device,)))
    )
    told = list(outputs(event, resolution))
    assert len({output.id for output in told}) == len(told) == 5
    assert told[0].id == stable_id("split", "a", "b", "cause", "from")
