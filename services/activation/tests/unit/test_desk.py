from activation.application.desk import Desk, Item


def item(
    delivery_id: str, *, due: int = 10, deferred: bool = False, flying: bool = False, not_after: int = 0, part: int = 1
) -> Item:
    return Item(delivery_id, part, "email", due, due + 100, deferred, flying, int(flying), not_after)


def test_what_is_ready_is_taken_in_order_and_only_so_much() -> None:
    desk = Desk()
    for delivery_id, due in (("c", 10), ("a", 20), ("b", 10)):
        desk.put(item(delivery_id, due=due))
    assert [taken.id for taken in desk.take("email", 2)] == ["b", "c"]
    assert [taken.id for taken in desk.take("email", 2)] == ["a"]


def test_what_was_put_back_is_taken_once() -> None:
    desk = Desk()
    desk.put(item("a"))
    desk.put(item("a"))
    assert len(desk.take("email", 5)) == 1
    desk.put(item("a"))
    assert len(desk.take("email", 5)) == 1


def test_what_is_closed_or_flies_is_not_taken() -> None:
    desk = Desk()
    for delivery_id in ("a", "b", "c"):
        desk.put(item(delivery_id))
    desk.close("a")
    desk.put(item("b", flying=True))
    assert [taken.id for taken in desk.take("email", 5)] == ["c"]
    assert desk.flying("email") == 1


def test_what_waits_for_its_hour_is_taken_when_it_has_come() -> None:
    desk = Desk()
    desk.put(item("a", due=50, deferred=True))
    desk.put(item("b", due=50, deferred=True, part=2))
    assert desk.take("email", 5) == []
    desk.release({1}, 49)
    assert desk.take("email", 5) == []
    desk.release({1}, 50)
    assert [taken.id for taken in desk.take("email", 5)] == ["a"]


def test_a_step_is_unsettled_by_what_is_due_in_it_and_not_by_what_comes_later() -> None:
    desk = Desk()
    desk.put(item("now", flying=True))
    desk.put(item("later", due=50, deferred=True))
    assert desk.unsettled(1, 20) == 1
    desk.close("now")
    assert desk.unsettled(1, 20) == 0
    assert desk.unsettled(1, 50) == 1


def test_what_a_connector_has_had_for_too_long_is_overdue() -> None:
    desk = Desk()
    desk.put(item("old", flying=True, not_after=100))
    desk.put(item("new", flying=True, not_after=200))
    assert [late.id for late in desk.overdue(150)] == ["old"]


def test_a_partition_that_is_dropped_leaves_nothing_behind() -> None:
    desk = Desk()
    desk.put(item("a"))
    desk.put(item("b", part=2))
    desk.drop({1})
    assert [taken.id for taken in desk.take("email", 5)] == ["b"]
    assert len(desk) == 1
