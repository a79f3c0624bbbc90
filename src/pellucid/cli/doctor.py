"""What ``pellucid doctor`` looks at."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from pellucid.errors import PellucidError

CORE = ("numpy", "safetensors", "matplotlib", "xarray", "rich", "typer")
EXTRAS = {"scikit-learn": "data", "scikit-image": "data", "pillow": "data"}


@dataclass(frozen=True)
class Diagnosis:
    """One part: whether it is fine, what was found, and whether Pellucid works without it."""

    part: str
    fine: bool
    found: str
    optional: bool = False


def diagnoses() -> Iterator[Diagnosis]:
    """Every part, the core first."""
    yield Diagnosis("Python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _installed("pellucid", "run from the source folder")
    yield _torch()
    yield from (_installed(name, "pip install pellucid") for name in CORE)
    yield _front()
    yield _chinese()
    for name, extra in EXTRAS.items():
        yield _installed(name, f"pip install 'pellucid[{extra}]'", optional=True)
    yield from _assets()


def _installed(name: str, remedy: str, *, optional: bool = False) -> Diagnosis:
    try:
        return Diagnosis(name, True, version(name), optional)
    except PackageNotFoundError:
        return Diagnosis(name, False, f"not installed: {remedy}", optional or name == "pellucid")


def _torch() -> Diagnosis:
    try:
        import torch
    except ImportError as error:
        return Diagnosis("torch", False, f"{error}: install the build for your machine first")
    device = "CUDA" if torch.cuda.is_available() else "MPS" if torch.backends.mps.is_available() else "CPU"
    return Diagnosis("torch", True, f"{torch.__version__}, {device}, {torch.get_num_threads()} threads")


def _front() -> Diagnosis:
    from pellucid.report.page import FRONT

    there = (FRONT / "report.js").is_file()
    return Diagnosis("front end", there, str(FRONT) if there else "not built: reports can not be written; install a wheel", optional=True)


def _chinese() -> Diagnosis:
    from pellucid.paper.fonts import chinese_family

    family = chinese_family()
    found = family or "none: pictures in Chinese need one, such as WenQuanYi Zen Hei"
    return Diagnosis("Chinese font", family is not None, found, optional=True)


def _assets() -> Iterator[Diagnosis]:
    from pellucid.demo.efficientnet import LEMMAS, SYNSETS, WEIGHTS, find_asset

    for asset in (WEIGHTS, SYNSETS, LEMMAS):
        name = asset.path.rpartition("/")[2]
        try:
            find_asset(asset)
        except PellucidError as error:
            yield Diagnosis(f"demo: {name}", False, f"{error.problem}: {error.remedy}", optional=True)
        else:
            yield Diagnosis(f"demo: {name}", True, f"{asset.package} {asset.version}, hash as expected", optional=True)
