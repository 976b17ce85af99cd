"""A side of a split is a function and its names."""

from radlearn.training.datasets import FunctionDataset

from radlearn.training.loading import EpochLoader, SampleKey


def test_each_case_is_asked_for_by_epoch_and_number() -> None:
    cases = FunctionDataset(lambda key: key.epoch * 100 + key.case, ["a", "b", "c"])
    assert len(cases) == 3
    assert cases[SampleKey(2, 1)] == 201
    loader = EpochLoader(cases, batch_size=2, seed=0, shuffle=False)
    assert [batch.tolist() for batch in loader.epoch(4)] == [[400, 401], [402]]
