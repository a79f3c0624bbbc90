"""Reads weights without running anything that is in the file.

A pickle can run any program when it is opened, so none is: safetensors and exported programs hold data, and of what ``torch.save`` wrote
only tensors are taken (``weights_only=True``). A pickled module is refused; its weights can be saved alone where it is trusted.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pellucid.errors import FileError, ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

Format = Literal["safetensors", "exported", "torchscript", "torch", "pickle", "empty", "unknown"]
SHOWN = 3  # names listed in an error
NESTED = ("state_dict", "model_state_dict", "model", "weights", "params")  # where training scripts put the weights in a checkpoint
ANEW = "fetch or save it anew"

WAY_OUT = (
    "where you trust the file, save the weights alone: safetensors.torch.save_file(net.state_dict(), 'weights.safetensors'); "
    "or the whole program: torch.export.save(torch.export.export(net, (x,)), 'net.pt2')"
)


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file.

    Raises:
        FileError: it does not exist, is a folder, or can not be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FileError("The file can not be read", received=f"{path} ({error.strerror})", remedy="check the path") from error


def file_format(data: bytes) -> Format:
    """What kind of file this is, by its content; the name is not believed."""
    if not data:
        return "empty"
    if data[:2] == b"PK" and zipfile.is_zipfile(BytesIO(data)):
        with zipfile.ZipFile(BytesIO(data)) as archive:
            inner = {name.partition("/")[2] for name in archive.namelist()}
        if "archive_format" in inner or any(name.startswith("models/") for name in inner):
            return "exported"
        return "torchscript" if any(name.startswith("code/") for name in inner) else "torch"
    if data[:1] == b"\x80":
        return "pickle"
    return "safetensors" if data[8:9] == b"{" else "unknown"


def read_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a safetensors file or of a state dict that ``torch.save`` wrote; nothing in the file is executed.

    Raises:
        FileError: unreadable, cut short, a pickled module, or a program instead of weights.
    """
    data = read_file(path)
    found = file_format(data)
    if found == "safetensors":
        return _read_safetensors(data, path)
    if found in ("torch", "pickle"):
        return _read_torch(data, path)
    if found == "exported":
        raise FileError("This is an exported program, not weights", received=str(path), remedy="give it as the model, without a factory")
    if found == "torchscript":
        raise FileError("TorchScript holds code and is not loaded", received=str(path), remedy=WAY_OUT)
    problem = "The weights file is empty" if found == "empty" else "The weights file is cut short or of an unknown kind"
    received = f"{path} ({len(data)} bytes)"
    raise FileError(problem, received=received, remedy="give a safetensors file, or a state dict that torch.save wrote")


def load_weights(net: nn.Module, path: str | os.PathLike[str]) -> nn.Module:
    """Puts the weights of a file into ``net`` and returns it; every name and shape must fit, or nothing is changed.

    A checkpoint that nests the weights one level down (``{"state_dict": ...}``) is opened, and the prefix ``module.`` that
    DataParallel puts before every name is taken off.

    Raises:
        FileError: see :func:`read_weights`.
        ModelError: the names or shapes are not those of the network.
    """
    weights = read_weights(path)
    if weights and all(name.startswith("module.") for name in weights):
        weights = {name.removeprefix("module."): value for name, value in weights.items()}
    own = net.state_dict()
    missing, unexpected = [n for n in own if n not in weights], [n for n in weights if n not in own]
    if missing or unexpected:
        raise ModelError(
            "The weights do not fit the network",
            received=f"missing: {_some(missing)}; not in the network: {_some(unexpected)}",
            remedy="give the weights of this very architecture",
        )
    odd = [f"{n} {tuple(weights[n].shape)} for {tuple(own[n].shape)}" for n in own if weights[n].shape != own[n].shape]
    if odd:
        raise ModelError("The weights do not fit the network", received=_some(odd), remedy="check the sizes given to the factory")
    net.load_state_dict(weights)
    return net


def _read_safetensors(data: bytes, path: str | os.PathLike[str]) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise FileError("The safetensors file is cut short or damaged", received=f"{path} ({error})", remedy=ANEW) from error


def _read_torch(data: bytes, path: str | os.PathLike[str]) -> dict[str, Tensor]:
    import torch

    try:
        content = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FileError(
            "This file is a pickle that holds more than tensors, and opening it could run any program, so it is refused",
            received=str(path),
            remedy=WAY_OUT,
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        received = f"{path} ({len(data)} bytes)"
        raise FileError("The weights file is cut short or damaged", received=received, remedy=ANEW) from error
    weights = _tensors(content)
    if weights is None:
        raise FileError("The file holds no state dict", received=f"{path} with {type(content).__name__}", remedy="save net.state_dict()")
    return weights


def _tensors(content: Any) -> dict[str, Tensor] | None:  # noqa: ANN401 (whatever the file holds)
    import torch

    if not isinstance(content, Mapping):
        return None
    if content and all(isinstance(value, torch.Tensor) for value in content.values()):
        return {str(name): value for name, value in content.items()}
    nested = [_tensors(content[name]) for name in NESTED if name in content]
    return next((entry for entry in nested if entry), None)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (", ".join(names[:SHOWN]) or "none") + more
