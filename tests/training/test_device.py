"""The choice of a device, and the refusal of unsupported ones."""

import pytest
import torch

from radlearn.errors import BadSetting
from radlearn.training.device import chosen_device


def test_an_unsupported_device_is_refused_with_the_alternatives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert chosen_device("auto") == "cpu"
    with pytest.raises(BadSetting, match="torch finds no CUDA GPU"):
        chosen_device("cuda")
    with pytest.raises(BadSetting, match=r"needs a CUDA GPU\. On a CPU use '32-true'"):
        chosen_device("auto", "16-mixed")
    with pytest.raises(BadSetting, match="unusably slow on a CPU without AVX-512"):
        chosen_device("auto", "bf16-mixed")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert chosen_device("auto", "bf16-mixed") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert chosen_device("auto", "16-mixed") == "cuda"
    assert chosen_device("cpu") == "cpu"
