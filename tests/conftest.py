"""What every test may ask for."""

import fcntl
import gc
import itertools
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
# Two-thread torch stalls when something else runs on the cores, unless idle threads sleep; it must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Several processes that test side by side have a core each.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
CACHE_NUMBERS = itertools.count()
# Collection imports everything and throws nothing away; looking for garbage meanwhile takes longer than the imports themselves.
gc.disable()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case by its parameter where that is bytes: a packed file holds the second at which it was made, once in every process."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the journeys: they are the longest files, and no process should be left alone with one at the end."""
    items.sort(key=lambda item: "journeys" not in item.path.parts)


def pytest_collection_finish() -> None:
    """Look for garbage from here on, but not among what was imported, which lives as long as the process."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Let all be cleared away at the end; libraries that count their objects would call the rest leaks."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a cache folder of its own, sees no data folder that was chosen outside, and finds `radlearn` on the path."""
    # `mktemp` looks through all folders that there are for a free number, at each of five thousand tests.
    folder = tmp_path_factory.getbasetemp() / "caches" / str(next(CACHE_NUMBERS))
    folder.mkdir(parents=True)
    monkeypatch.setenv("RADLEARN_CACHE", str(folder))
    monkeypatch.delenv("RADLEARN_DATA", raising=False)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    return folder


@pytest.fixture
def coarse_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of a quarter of the resolution whose parts make no room for each other, for tests that write reports and look elsewhere."""
    monkeypatch.setattr("radlearn.pictures.style.DOTS_PER_INCH", 55)
    monkeypatch.setattr("radlearn.pictures.style.ConstrainedLayoutEngine", lambda **_: None)
    # Figures are drawn once to settle what is in them, and again to be written.
    monkeypatch.setattr("matplotlib.figure.Figure.draw_without_rendering", lambda _: None)
    monkeypatch.setattr("radlearn.pictures.solid.GRID_MM", 6.0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images that lies beside the project on development machines."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; they are not part of the project")
    return folder


@pytest.fixture(scope="session")
def built_in_xrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty-eight built-in X-rays in the RSNA layout, made by the first process that asks and read by all. Not to be changed."""
    from radlearn.digital_thorax.cohort import write_rsna

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "built-in" / "rsna"
    folder.parent.mkdir(exist_ok=True)
    with open(folder.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            write_rsna(folder, 48, seed=3)
    return folder


@pytest.fixture(scope="session")
def small_rsna(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the RSNA layout: 48 X-rays of 32 people, 160 px, where a bright square on the left means an opacity."""
    import numpy as np

    from radlearn.challenges.rsna import Case, write_tables
    from radlearn.scans.dicom import write_radiograph

    folder = tmp_path_factory.mktemp("layout") / "rsna"
    rng = np.random.default_rng(7)
    cases = []
    for number in range(48):
        person, label, view = f"person-{number % 32:02d}", number % 3 == 0, ("AP", "PA")[number // 2 % 2]
        pixels = rng.normal(90, 12, (160, 160))
        if label:
            pixels[40:100, 20:80] += 80
        image_id = f"xray-{number:03d}"
        path = folder / "stage_2_train_images" / f"{image_id}.dcm"
        write_radiograph(
            path,
            pixels.clip(0, 255).astype(np.uint8),
            patient_id=image_id,
            view=view,
            sex="MF"[number % 2],
            age=str(20 + number),
            spacing_mm=(0.143, 0.143),
        )
        boxes = ((20.0, 40.0, 80.0, 100.0),) if label else ()
        cases.append(Case(image_id, path, label, boxes, "Lung Opacity" if label else "Normal", person))
    write_tables(folder, cases)
    return folder


@pytest.fixture(scope="session")
def small_covid19(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the COVID-19-20 layout: 14 phantoms of 13 people, a dense ball in a lung of each but the last two."""
    import numpy as np

    from radlearn.challenges.covid19 import write_persons
    from tests.check.phantom import chest_hu, ellipsoid, write_case

    folder = tmp_path_factory.mktemp("cts") / "covid19"
    (folder / "Train").mkdir(parents=True)
    persons = {}
    for number in range(14):
        case_id = f"volume-covid19-A-{number + 1:04d}"
        persons[case_id] = f"person-{number % 13:02d}"
        hu, mask = chest_hu(number), np.zeros(chest_hu(number).shape, bool)
        if number < 12:
            radius = 4 + number % 4
            mask = ellipsoid((28 if number % 2 else 68, 34 + number % 5, 14 + number), (radius, radius, 3))
        hu[mask] = np.int16(-100)
        write_case(folder / "Train", case_id, number, hu, mask.astype(np.uint8))
    write_persons(folder, persons)
    return folder
