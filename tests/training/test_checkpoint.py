"""A checkpoint is tensors and JSON, written atomically, and refused where it does not fit."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from radlearn.errors import BadRunFolder, BadSetting, NotFiniteError
from radlearn.training import checkpoint
from radlearn.training.checkpoint import (
    fill_optimizer,
    load_best,
    load_tensors,
    load_weights,
    model_tensors,
    optimizer_state,
    save_tensors,
    save_weights,
    sweep,
    taken_from,
    under,
)
from radlearn.training.run_folder import Run


def network(width: int = 3) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width))


def trained(make: type[torch.optim.Optimizer], model: nn.Module, **settings: object) -> torch.optim.Optimizer:
    optimizer = make(model.parameters(), lr=0.1, **settings)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.ones(2, 1, 5, 5)).pow(2).sum().backward()
        optimizer.step()
    return optimizer


def test_tensors_of_every_kind_and_json_come_back_exactly(tmp_path: Path) -> None:
    tensors = {
        "half": torch.tensor([1.5, float("nan")], dtype=torch.bfloat16),
        "whole": torch.tensor(7),
        "turned": torch.arange(6.0).reshape(2, 3).T,
        "none": torch.zeros(0, 3),
    }
    state = {"loss_sum": 0.1 + 0.2, "history": [{"epoch": 1, "score": None}], "name": "Zoë"}
    save_tensors(tmp_path / "one.safetensors", tensors, state)
    found, read = load_tensors(tmp_path / "one.safetensors")
    assert read == state
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name].nan_to_num(9), tensor.nan_to_num(9))


def test_the_file_opens_with_safetensors_and_json_alone(tmp_path: Path) -> None:
    save_weights(tmp_path / "model.safetensors", network(), {"epoch": 3})
    with safe_open(tmp_path / "model.safetensors", framework="numpy") as file:
        said = json.loads(file.metadata()["radlearn"])
        assert (said["epoch"], said.keys()) == (3, {"epoch", "sealed", "digest"})
        assert {name: file.get_tensor(name).shape for name in ("0.weight", "1.running_mean")} == {
            "0.weight": (3, 1, 3, 3),
            "1.running_mean": (3,),
        }


def test_no_module_loads_executable_files() -> None:
    room = Path(checkpoint.__file__).parent
    words = {
        word for path in room.glob("*.py") for word in ("pickle", "torch.load", "torch.save", "joblib.load") if word in path.read_text()
    }
    assert words == set()


def test_tied_weights_are_saved_under_both_names_and_stay_tied(tmp_path: Path) -> None:
    def tied() -> nn.Module:
        model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        model[1].weight = model[0].weight
        return model

    one, other = tied(), tied()
    save_weights(tmp_path / "tied.safetensors", one, {})
    load_weights(tmp_path / "tied.safetensors", other)
    assert torch.equal(one[0].weight, other[1].weight)
    assert other[0].weight is other[1].weight


def test_what_is_saved_is_a_copy(tmp_path: Path) -> None:
    model = network()
    before = model[0].weight.detach().clone()
    save_weights(tmp_path / "model.safetensors", model, {})
    with torch.no_grad():
        model[0].weight += 1
    load_weights(tmp_path / "model.safetensors", model)
    assert torch.equal(model[0].weight, before)


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    save_tensors(path, {"a": torch.ones(3)}, {"step": 1})

    def breaks_off(tensors: object, name: Path, metadata: object) -> None:
        Path(name).write_bytes(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", breaks_off)
    with pytest.raises(OSError, match="No space left"):
        save_tensors(path, {"a": torch.zeros(3)}, {"step": 2})
    assert load_tensors(path)[1] == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_another_architecture_is_refused_and_the_model_left_as_it_was(tmp_path: Path) -> None:
    save_weights(tmp_path / "model.safetensors", network(4), {})
    model = network(3)
    before = {name: tensor.clone() for name, tensor in model_tensors(model).items()}
    with pytest.raises(
        BadRunFolder, match=r"another architecture \(0\.weight is \(4, 1, 3, 3\) in the file, \(3, 1, 3, 3\) in the model; .* more\)"
    ):
        load_weights(tmp_path / "model.safetensors", model)
    with pytest.raises(BadRunFolder, match=r"0\.bias is \(4,\) in the file, absent in the model"):
        load_weights(tmp_path / "model.safetensors", nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4)))
    assert all(torch.equal(before[name], tensor) for name, tensor in model_tensors(model).items())


@pytest.mark.parametrize("left", [0, 5, 40, -1])
def test_a_file_cut_short_is_damaged(tmp_path: Path, left: int) -> None:
    path = tmp_path / "model.safetensors"
    save_weights(path, network(), {})
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(BadRunFolder, match=r"model\.safetensors: is damaged"):
        load_weights(path, network())


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 13\n", "is a Git LFS pointer, .* 'git lfs pull'"),
        (b"<!DOCTYPE html><html><head></head>", "is an HTML page, as a failed download leaves it"),
    ],
)
def test_what_a_clone_or_a_download_left_in_place_of_weights_is_named(tmp_path: Path, held: bytes, words: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(held)
    with pytest.raises(BadRunFolder, match=words):
        load_weights(path, network())


def test_an_absent_file_and_a_foreign_one_have_different_errors(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    with pytest.raises(BadRunFolder, match="there is no such file"):
        load_tensors(tmp_path / "absent.safetensors")
    save_file({"a": torch.ones(1)}, tmp_path / "theirs.safetensors")
    with pytest.raises(BadRunFolder, match="not one that radlearn wrote"):
        load_tensors(tmp_path / "theirs.safetensors")


def test_a_state_that_is_not_a_tensor_is_refused() -> None:
    class Remembering(nn.Module):
        def get_extra_state(self) -> dict[str, int]:
            return {"calls": 3}

        def set_extra_state(self, state: object) -> None: ...

    with pytest.raises(BadSetting, match="holds values that are not tensors"):
        model_tensors(nn.Sequential(Remembering()))


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (torch.optim.AdamW, {"fused": True}),
        (torch.optim.Adam, {"amsgrad": True}),
        (torch.optim.SGD, {"momentum": 0.9}),
        (torch.optim.SGD, {}),
        (torch.optim.NAdam, {}),
    ],
)
def test_a_restored_optimizer_continues_with_the_same_weights(
    tmp_path: Path, make: type[torch.optim.Optimizer], settings: dict[str, object]
) -> None:
    torch.manual_seed(0)
    model, twin = network(), network()
    optimizer = trained(make, model, **settings)
    tensors, rest = optimizer_state(optimizer)
    save_tensors(tmp_path / "all.safetensors", {**under("model/", model_tensors(model)), **under("optimizer/", tensors)}, rest)
    found, rest = load_tensors(tmp_path / "all.safetensors")
    twin.load_state_dict(taken_from("model/", found))
    other = make(twin.parameters(), lr=0.1, **settings)
    fill_optimizer(other, taken_from("optimizer/", found), rest, tmp_path)
    for one, its in ((model, optimizer), (twin, other)):
        its.zero_grad()
        one(torch.ones(2, 1, 5, 5)).pow(2).sum().backward()
        its.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))


def test_the_state_of_another_optimizer_is_refused() -> None:
    tensors, rest = optimizer_state(trained(torch.optim.AdamW, network(4)))
    with pytest.raises(BadRunFolder, match="exp_avg of parameter 0 does not fit"):
        fill_optimizer(torch.optim.AdamW(network(3).parameters()), tensors, rest, Path("last"))
    with pytest.raises(BadRunFolder, match="of parameter 2 does not fit"):
        fill_optimizer(torch.optim.AdamW(nn.Conv2d(1, 4, 3).parameters()), tensors, rest, Path("last"))


def test_only_old_temporary_files_are_removed(tmp_path: Path) -> None:
    @contextmanager
    def file(name: str, age_seconds: float) -> Iterator[Path]:
        path = tmp_path / name
        path.write_bytes(b"x")
        os.utime(path, (time.time() - age_seconds,) * 2)
        yield path

    with (
        file(".checkpoint-abc.safetensors", 3600) as old,
        file(".checkpoint-def.safetensors", 1) as young,
        file("model.safetensors", 3600) as kept,
    ):
        sweep(tmp_path)
        assert [old.exists(), young.exists(), kept.exists()] == [False, True, True]


def flipped(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_flipped_bit_in_any_tensor_or_in_what_is_said_is_found(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_weights(path, network(), {"epoch": 37, "scores": {"auroc_score": 0.75}})
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for at in (
        start,
        start + 5,
        len(whole) - 1,
        len(whole) // 2 if len(whole) // 2 > start else start + 9,
        whole.index(b"37"),
        whole.index(b"75"),
    ):
        path.write_bytes(whole)
        flipped(path, at)
        with pytest.raises(BadRunFolder, match=r"model\.safetensors: is damaged"):
            load_weights(path, network())
    path.write_bytes(whole)
    assert load_weights(path, network())["epoch"] == 37


def test_weights_that_are_no_numbers_are_refused_though_their_digest_is_right(tmp_path: Path) -> None:
    for number, value in enumerate((float("nan"), float("inf"))):
        for name in ("0.weight", "1.running_var"):
            model, path = network(), tmp_path / f"{number}-{name}.safetensors"
            model.state_dict()[name].view(-1)[0] = value
            save_weights(path, model, {})
            with pytest.raises(BadRunFolder, match=rf"1 of its \d+ tensors hold values that are not finite numbers, such as {name}"):
                load_weights(path, network())


def test_weights_of_before_digests_are_loaded_and_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safetensors.torch import save_file

    run = Run(tmp_path, "classification")
    run.best_weights.parent.mkdir()
    save_file(dict(network().state_dict()), run.best_weights, metadata={"radlearn": "{}"})
    load_best(run, network(), "cpu")
    assert capsys.readouterr().err.count("could not be checked") == 1
    save_weights(run.best_weights, network(), {})
    load_best(run, network(), "cpu")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("state", ["[]", "3", "null", "{", "9" * 5000, '{"a": ' + "[" * 5000 + "]" * 5000 + "}", '{"a": NaN}'])
def test_mad_json_in_a_header_is_damage(tmp_path: Path, state: str) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors", metadata={"radlearn": state})
    with pytest.raises(BadRunFolder, match=r"a\.safetensors: is damaged"):
        load_tensors(tmp_path / "a.safetensors")


def test_a_loaded_network_that_has_no_answer_says_so(tmp_path: Path) -> None:
    run, model = Run(tmp_path, "classification"), network()
    with torch.no_grad():
        model[0].weight[:] = 3e38
    save_weights(run.best_weights, model, {})
    with pytest.raises(NotFiniteError, match="is not finite"):
        load_best(run, network(), "cpu")(torch.full((1, 1, 5, 5), 100.0))


def test_equal_weights_are_equal_files(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = network()
    for name in "abcdefgh":
        save_weights(tmp_path / name, model, {"epoch": 3, "scores": {"auroc_score": 0.75}})
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_weights_in_a_folder_whose_name_is_not_utf8_are_saved_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"M\xfcller") / os.fsdecode(b"\xff.safetensors")
    torch.manual_seed(0)
    kept, other = nn.Linear(3, 2), nn.Linear(3, 2)
    checkpoint.save_weights(path, kept, {"epoch": 1})
    assert checkpoint.load_weights(path, other) == {"epoch": 1}
    assert torch.equal(kept.weight, other.weight)
    path.unlink()
    with pytest.raises(BadRunFolder, match="there is no such file"):
        checkpoint.load_weights(path, other)


def test_a_folder_and_a_file_beyond_the_memory_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(BadRunFolder, match=r"folder\.safetensors: is a folder; expected a safetensors file"):
        load_tensors(tmp_path / "folder.safetensors")
    save_tensors(tmp_path / "large.safetensors", {"a": torch.ones(3)}, {})
    with open(tmp_path / "large.safetensors", "ab") as opened:
        opened.truncate(1 << 40)
    with pytest.raises(BadRunFolder, match=r"large\.safetensors: (is damaged|holds 1,099,511,627,776 bytes)"):
        load_tensors(tmp_path / "large.safetensors")


def test_weights_that_are_gone_from_a_finished_run_are_not_said_to_be_yet_to_come(tmp_path: Path) -> None:
    run = Run(tmp_path, "segmentation")
    with pytest.raises(BadRunFolder, match="has no trained weights yet"):
        load_best(run, nn.Linear(1, 1))
    (tmp_path / "postprocessing.json").write_text("{}")
    with pytest.raises(BadRunFolder, match=r"model\.safetensors: is not there any more.*from a backup, or train again"):
        load_best(run, nn.Linear(1, 1))
    run.last_checkpoint.parent.mkdir()
    run.last_checkpoint.touch()
    with pytest.raises(BadRunFolder, match=r"model\.safetensors: is not there any more.*radlearn segmentation resume"):
        load_best(run, nn.Linear(1, 1))
