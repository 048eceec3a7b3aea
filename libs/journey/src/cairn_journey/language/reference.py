"""The reference page of all kinds and keys, made of the shapes that the loader reads by."""

from typing import Final

from cairn_journey.language.schema import KINDS, LATER
from cairn_journey.language.shapes import AnyKind, Key, Kind, Later, ListOf, MapOf, OneOf, Shape

_HEAD: Final = """\
# All keys of the journey language

Every kind of definition with every key, in the order in which `journeyctl fmt` writes them; **bold** keys are required.
What a journey does with them is told in [libs/journey/README.md](../../libs/journey/README.md); `journeyctl schema`
prints the same as JSON Schema for editors. This page is made of the shapes by which the loader reads.

Names are lower-case letters, digits, `-` and `_`, at most 63. Event types are written as the front door normalises them
(`basket.purchased`): `Contract Ends Soon` is `contract.ends.soon`, while `contract.ends_soon` stays. Durations are
`30d`, `1d12h`, `45m` with units s, m, h, d, w.

## Conditions and values
They are [CEL](https://cel.dev): `profile.tier == "gold" && event.amount > 20`. Which names may be used depends on the
place; the validator lists them where one is wrong.

| you want to say | write |
|---|---|
| a trait, a field of the event at hand, a feature | `profile.tier`, `event.amount`, `baskets_30d` |
| whether it is known at all | `has(profile.tier)`, `!has(profile.tier)` |
| what also holds if it is not known | `!has(profile.tips) \\|\\| profile.tips != "off"` |
| one of several; part of a text | `profile.country in ["DE", "AT"]`, `event.page.startsWith("/shop")` |
| how many; any of a list | `event.items.size() > 2`, `event.items.exists(item, item.price > 50)` |
| the day of the week of a time; Sunday is 0 | `timestamp(event.starts_at).getDayOfWeek() == 1` |

A condition that is neither true nor false (a field is missing or of the wrong type, a division by zero) counts
as false: `profile.tips != "off"` does not hold for somebody of whom no `tips` is known. `journey.condition_failed`
tells it the first time for each customer, `journeyctl explain` shows it. A step that fails does what its `on_error`
says; by default the next one is done at once, also after a wait for a time that is none. Say `on_error: stop_run`
where nothing should be sent then. There is no *now* in conditions: schedules, waits and `idle` features know the time.
"""


def reference() -> str:
    """The page as Markdown."""
    told: list[str] = []
    parts = [_HEAD.rstrip()]
    for shape in (*KINDS.values(), *LATER.values()):
        parts.extend(_sections(shape, told))
    return "\n\n".join(parts) + "\n"


def _sections(shape: Shape, told: list[str]) -> list[str]:
    if shape.name in told:
        return []
    told.append(shape.name)
    level = "##" if shape.name in KINDS else "###"
    rows = [_row(key) for key in shape.keys.values()]
    choices = [f"Exactly one of {', '.join(f'`{name}`' for name in group)}." for group in shape.groups]
    text = " ".join([shape.text, *choices])
    found = ["\n".join([f"{level} {shape.name}", text, "", "| key | value | meaning |", "|---|---|---|", *rows])]
    for key in shape.keys.values():
        for inner in _shapes(key.kind):
            found.extend(_sections(inner, told))
    return found


def _row(key: Key) -> str:
    name = f"**{key.name}**" if key.required else key.name
    return f"| {name} | {_words(key.kind)} | {key.text} |"


def _words(kind: AnyKind) -> str:
    match kind:
        case Kind(words, _):
            return words.replace("|", "\\|")
        case ListOf(of):
            return f"list of {_words(of)}"
        case MapOf(of):
            return f"map to {_words(of)}"
        case OneOf(kinds):
            return " or ".join(map(_words, kinds))
        case Later(name) | Shape(name=name):
            return f"[{name}](#{name.lower()})"


def _shapes(kind: AnyKind) -> list[Shape]:
    """Shapes right inside a kind; those that are defined later come by themselves."""
    match kind:
        case Shape():
            return [kind]
        case ListOf(of) | MapOf(of):
            return _shapes(of)
        case OneOf(kinds):
            return [shape for one in kinds for shape in _shapes(one)]
        case Later(name):
            return [LATER[name]]
        case _:
            return []


if __name__ == "__main__":
    print(reference(), end="")
