"""The table of several labels beside built-in X-rays: the exact truth, and nothing else is changed."""

from pathlib import Path

from radlearn.challenges.rsna import CHALLENGE, find_cases
from radlearn.digital_thorax.findings_table import FINDINGS, OPACITIES, write_findings_table
from radlearn.digital_thorax.planning import plan_xrays


def test_its_labels_are_the_findings_that_were_planned(built_in_xrays: Path) -> None:
    before = {path: path.read_bytes() for path in built_in_xrays.iterdir() if path.is_file() and path.name != "findings.csv"}
    path = write_findings_table(built_in_xrays)
    assert {path: path.read_bytes() for path in before} == before
    cases, plans = find_cases(path), {plan.image_id: plan for plan in plan_xrays(48, seed=3)}
    assert len(cases) == 48
    for case in cases:
        plan = plans[case.image_id]
        there = {name for name, value in case.labels if value}
        kinds = {name.replace(" ", "_") for name in OPACITIES}
        assert there - kinds == {name.replace(" ", "_") for name in plan.findings}
        assert bool(there & kinds) == bool(plan.opacities)
        assert (case.person, len(case.labels)) == (plan.person_id, len(FINDINGS))
        assert case.path.is_file()
    assert CHALLENGE.is_synthetic(path)
    assert find_cases(built_in_xrays)[0].labels == ()
