"""Rules and findings: each rule says what to do, and the gravest comes first."""

from radlearn.check.findings import Finding, counted, in_order
from radlearn.check.rules import RULES, SEVERITIES


def test_every_rule_says_what_to_do() -> None:
    for name, rule in RULES.items():
        assert rule.severity in SEVERITIES
        assert rule.title
        assert rule.advice.endswith(".") or rule.advice.endswith("?") or name == "about", name


def test_errors_come_before_warnings_and_files_in_order() -> None:
    found = [Finding("about", "", "x"), Finding("age", "b.dcm", "x"), Finding("age", "a.dcm", "x"), Finding("image-damaged", "c.dcm", "x")]
    assert [one.file for one in in_order(found)] == ["c.dcm", "a.dcm", "b.dcm", ""]


def test_a_finding_may_weigh_less_than_its_rule() -> None:
    light = Finding("shortcut", "", "x", weight="note")
    assert light.severity == "note"
    assert counted([light, Finding("shortcut", "", "x")]) == {"error": 0, "warning": 1, "note": 1}
    assert light.as_dict()["severity"] == "note"
