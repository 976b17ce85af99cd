"""The choice of a device, and the refusal of unsupported ones."""

import pytest
import torch

from radlearn.errors import BadSetting
from radlearn.training.device import chosen_device, chosen_precision, say_chosen_precision


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


@pytest.mark.parametrize(
    ("capability", "bf16", "amx", "expected"),
    [
        ("AVX512", True, True, "bf16-mixed"),
        ("AVX512", True, False, "bf16-mixed"),
        ("AVX512", False, True, "bf16-mixed"),
        ("AVX512", False, False, "32-true"),
        # The processor could, and this torch was told not to.
        ("AVX2", True, True, "32-true"),
    ],
)
def test_auto_is_bfloat16_where_the_processor_multiplies_in_it(
    monkeypatch: pytest.MonkeyPatch, capability: str, bf16: bool, amx: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert chosen_precision("auto", "auto") == expected
    assert chosen_precision("cpu", "32-true") == "32-true"
    # A torch that does not tell.
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert chosen_precision("auto", "auto") == "32-true"


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_asks_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, native: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert chosen_precision("auto", "auto") == expected
    assert chosen_precision("auto", "16-mixed") == "16-mixed"


def test_what_auto_chose_is_said_where_it_changes_the_arithmetic(capsys: pytest.CaptureFixture[str]) -> None:
    say_chosen_precision("32-true", "32-true")
    say_chosen_precision("bf16-mixed", "bf16-mixed")
    say_chosen_precision("auto", "32-true")
    assert capsys.readouterr().err == ""
    say_chosen_precision("auto", "bf16-mixed")
    assert "Trained in bfloat16" in capsys.readouterr().err
