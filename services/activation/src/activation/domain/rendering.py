"""A template becomes a message, in the customer's locale."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final, NamedTuple

from liquid import BoundTemplate, Environment, FalsyStrictUndefined

from cairn_journey import Template

MARKUP: Final = "html"
"""The part whose values are escaped."""


class TemplateFault(Exception):
    """The template cannot be rendered for this customer."""


class Rendered(NamedTuple):
    """The message by part, and the locale of its body."""

    content: dict[str, str]
    locale: str


class _Careful(Environment):
    """A value that is not there may be asked about (`if`, `default`), but not shown."""

    loop_iteration_limit: ClassVar[int | None] = 10_000
    output_stream_limit: ClassVar[int | None] = 1_000_000
    local_namespace_limit: ClassVar[int | None] = 1_000_000


_PLAIN: Final = _Careful(undefined=FalsyStrictUndefined)
_MARKUP: Final = _Careful(undefined=FalsyStrictUndefined, autoescape=True)


def render(template: Template, locale: str, values: Mapping[str, Any]) -> Rendered:
    """Render every part. Raises TemplateFault, whose text names part and kind of fault, never a value."""
    content: dict[str, str] = {}
    spoken = ""
    for part in template.parts:
        text, found = in_locale(template, part, locale)
        try:
            content[part] = _parsed(text, markup=part == MARKUP).render(**values)
        except Exception as error:  # whatever a template does, only its own message fails
            raise TemplateFault(f"{part}: {type(error).__name__}") from error
        if part == "body" or not spoken:
            spoken = found
    return Rendered(content, spoken)


def in_locale(template: Template, part: str, locale: str) -> tuple[str, str]:
    """The text of a part in the nearest locale, and that locale: de-AT, then de, then the template's default."""
    texts = template.parts[part]
    for wanted in (*fallbacks(locale), template.default_locale, ""):
        if wanted in texts:
            return texts[wanted], wanted
    found = min(texts)
    return texts[found], found


def fallbacks(locale: str) -> Iterator[str]:
    """BCP 47 lookup: the tag, then without its last subtag, and so on (zh-Hant-TW, zh-Hant, zh)."""
    tag = locale.replace("_", "-")
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]
        if len(tag) > 1 and tag[-2] == "-":  # a lone letter only introduces what was cut off
            tag = tag[:-2]


@lru_cache(maxsize=2_000)
def _parsed(text: str, *, markup: bool) -> BoundTemplate:
    return (_MARKUP if markup else _PLAIN).from_string(text)
