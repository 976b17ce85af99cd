"""Whether labels and masks suffice to learn from and to evaluate on, or training would refuse them."""

from collections.abc import Iterator, Sequence

from radlearn.amounts import counted
from radlearn.challenges.xray_case import XrayCase
from radlearn.check.findings import Finding
from radlearn.check.volumes import VolumeFacts
from radlearn.errors import BadSetting
from radlearn.training.splits import MIN_PER_SUBSET, SUBSETS, split_by_person


def label_findings(cases: Sequence[XrayCase]) -> Iterator[Finding]:
    """Yield a finding where the labels of X-rays are all the same, or cannot be split by person with both in each subset."""
    labelled = [case for case in cases if case.label is not None]
    if not labelled:
        return
    if any(case.labels for case in labelled):
        yield from _of_several(labelled)
        return
    labels = [bool(case.label) for case in labelled]
    if len(set(labels)) == 1:
        every = f"all {counted(len(labels), 'X-rays')} are" if len(labels) > 1 else "the only X-ray is"
        found = f"{every} {'with' if labels[0] else 'without'} the finding (label {int(labels[0])})"
        yield Finding("label-one-class", "", f"{found}: there is nothing to tell apart, and nothing to evaluate")
    elif any(case.split is not None for case in labelled):
        for subset in SUBSETS:
            held = [bool(case.label) for case in labelled if case.split == subset]
            if held and min(sum(held), len(held) - sum(held)) < MIN_PER_SUBSET:
                found = f"{subset} holds {counted(sum(held), 'X-rays')} with the finding and {len(held) - sum(held):,} without"
                yield Finding("split-one-class", "", f"{found}; every subset needs {MIN_PER_SUBSET} of each")
    else:
        try:
            split_by_person([case.person for case in labelled], labels, seed=0)
        except BadSetting as error:
            yield Finding("label-few", "", str(error))


def _of_several(cases: Sequence[XrayCase]) -> Iterator[Finding]:
    """Yield a finding for each of several labels that cannot be learnt, or not be tested, because too few people have it or lack it."""
    for name in dict.fromkeys(name for case in cases for name, _ in case.labels):
        told = [(case.person, value) for case in cases for other, value in case.labels if other == name and value is not None]
        people = {value: len({person for person, of in told if of == value}) for value in (True, False)}
        if not all(people.values()):
            every = f"is {'1 on all' if people[True] else '0 on all' if told else 'not known on any'} of {counted(len(cases), 'X-rays')}"
            yield Finding("label-rare", "", f"label {name} {every}: nothing can be learnt of it here")
        elif (fewest := min(people.values())) < len(SUBSETS):
            found = f"label {name}: {counted(fewest, 'people')} {'with' if people[True] == fewest else 'without'} it"
            yield Finding("label-rare", "", f"{found}, so that one of {', '.join(SUBSETS)} has none")


def mask_findings(volumes: Sequence[VolumeFacts]) -> Iterator[Finding]:
    """Yield a finding where all masks are empty."""
    masks = [one for one in volumes if one.job.mask is not None]
    if masks and all(any(rule == "mask-empty" for rule, _, _ in one.found) for one in masks):
        every = f"all {counted(len(masks), 'masks')} are" if len(masks) > 1 else "the only mask is"
        yield Finding("mask-none", "", f"{every} empty: there is nothing to find, and nothing to evaluate")
