"""Two programmes on events as they come in."""

from libs.cli.tests.recorded import WIN_BACK, basket, known, merge, programme, record

from cairn_journey import Programme
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY
from cairn_messaging.frames import batch_of
from journeyctl.dryrun.following import Following
from journeyctl.simulate.replay import Replay
from journeyctl.virtual.world import World

SOONER = WIN_BACK.replace("for: 30d", "for: 21d")
ANNA, BEN = stable_id("profile", "anna"), stable_id("profile", "ben")


def following(before: Programme, after: Programme, since: float = 0) -> Following:
    worlds = (World(before), World(after), World(before))
    return Following(Replay(*worlds, upto={}, since=round(since * DAY)), "default")


def come_in(follow: Following, *events: Event, upto: float) -> None:
    """As journey-state's log tells them."""
    for partition, facts in record(events, (0, programme()), upto=upto).entries.items():
        follow.take(batch_of("journeys", partition, 1, facts).entries)


def test_news_says_what_each_programme_decides_and_when() -> None:
    follow = following(programme(), programme(SOONER))
    come_in(follow, known(ANNA, 0), basket(ANNA, 1), upto=2)
    assert follow.news() == []
    follow.advance(25 * DAY)
    assert [(told.at / DAY, told.side, told.text) for told in follow.news()] == [
        (22, "changed", "win-back/offer: come-back")
    ]
    follow.advance(40 * DAY)
    assert [(told.at / DAY, told.side) for told in follow.news()] == [(31, "in force")]
    assert follow.news() == []


def test_what_both_do_is_told_once_and_the_summary_counts_from_when_one_began_to_look() -> None:
    follow = following(programme(), programme(), since=20)
    come_in(follow, known(ANNA, 0), basket(ANNA, 1), upto=2)
    follow.advance(40 * DAY)
    assert [told.side for told in follow.news()] == ["both"]
    tally = follow.summary()
    assert (tally.before.actions, tally.after.actions) == ({"come-back": 1}, {"come-back": 1})
    assert tally.changes["win-back"].same == 1
    assert tally.before.stay("win-back").entered == 0


def test_a_merge_waits_until_the_other_side_has_told_of_it() -> None:
    follow = following(programme(), programme(SOONER))
    events = [known(ANNA, 0), basket(ANNA, 1), basket(BEN, 5), *merge(BEN, ANNA, 10)]
    come_in(follow, *events, upto=12)
    follow.advance(40 * DAY)
    tally = follow.summary()
    assert (tally.people, tally.merges) == (1, 1)
    assert tally.changes["win-back"].shifts == {-9: 1}
