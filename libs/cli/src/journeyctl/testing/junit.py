"""The outcome of scenarios as JUnit XML, which continuous integration understands."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from journeyctl.testing.judging import Verdict


def junit(verdicts: Sequence[Verdict]) -> str:
    """The document."""
    suite = Element(
        "testsuite",
        name="journeyctl test",
        tests=str(len(verdicts)),
        failures=str(sum(bool(verdict.failures) for verdict in verdicts)),
        errors="0",
    )
    for verdict in verdicts:
        place = verdict.scenario.place
        case = SubElement(suite, "testcase", classname=place.file, name=verdict.scenario.name, file=place.file)
        case.set("line", str(place.line))
        for failure in verdict.failures:
            told = SubElement(case, "failure", message=f"{failure.place}: {failure.message}")
            told.text = "\n".join(failure.seen)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"
