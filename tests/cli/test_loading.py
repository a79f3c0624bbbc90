"""Weights and programs are read, and nothing in a file is run: every file here that tries to leaves no mark."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pellucid.cli.loaded import method_of
from pellucid.errors import FileError, InputError, ModelError
from pellucid.methods.attribution.occlusion import Occlusion
from pellucid.models.files.exported import check_shape, load_program
from pellucid.models.files.loading import file_format, load_weights, read_weights

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def net(width: int = 4) -> nn.Module:
    torch.manual_seed(0)
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 5)
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), *head)


class Bomb:
    """An object whose pickle makes a file when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


# state dicts


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "nested.pt", "parallel.pt", "old.pt", "权重 文件.pt"])
def test_weights_are_read_from_every_format(tmp_path, name):
    source, path = net(), tmp_path / name
    state = source.state_dict()
    if path.suffix == ".safetensors":
        save_file(state, path)
    elif name == "nested.pt":
        torch.save({"epoch": 3, "state_dict": state}, path)
    elif name == "parallel.pt":
        torch.save({f"module.{key}": value for key, value in state.items()}, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=name != "old.pt")
    with torch.no_grad():
        other = net()
        for parameter in other.parameters():
            parameter.zero_()
    load_weights(other, path)
    assert all(torch.equal(a, b) for a, b in zip(source.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickled_module_is_refused_with_the_way_out(tmp_path, zipped):
    path = tmp_path / "module.pt"
    torch.save(net(), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(FileError, match=r"pickle.*refused.*What to do: .*safetensors"):
        read_weights(path)


@pytest.mark.parametrize("kind", ["torch", "raw"])
def test_a_pickle_that_runs_a_program_is_refused_unopened(tmp_path, kind):
    path, mark = tmp_path / "bomb.pt", tmp_path / "mark"
    if kind == "torch":
        torch.save({"w": Bomb(mark)}, path)
    else:
        path.write_bytes(pickle.dumps({"w": Bomb(mark)}))
    with pytest.raises(FileError):
        read_weights(path)
    assert not mark.exists()
    torch.load(path, weights_only=False) if kind == "torch" else pickle.loads(path.read_bytes())
    assert mark.exists()  # the bomb is one


def test_torchscript_is_refused(tmp_path):
    path = tmp_path / "scripted.pt"
    torch.jit.trace(net().eval(), torch.zeros(1, 3, 8, 8)).save(str(path))
    with pytest.raises(FileError, match="TorchScript"):
        read_weights(path)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_file_cut_short_is_refused(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    save_file(net().state_dict(), path) if suffix == ".safetensors" else torch.save(net().state_dict(), path)
    path.write_bytes(cut(path.read_bytes()))
    with pytest.raises(FileError, match="cut short"):
        read_weights(path)


def test_missing_empty_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(FileError, match="can not be read"):
        read_weights(tmp_path / "none.pt")
    with pytest.raises(FileError, match="can not be read"):
        read_weights(tmp_path)
    (tmp_path / "empty.pt").touch()
    with pytest.raises(FileError, match="empty"):
        read_weights(tmp_path / "empty.pt")
    (tmp_path / "text.pt").write_text("hello, I am no weights file")
    with pytest.raises(FileError, match="unknown kind"):
        read_weights(tmp_path / "text.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(FileError, match="no state dict"):
        read_weights(tmp_path / "list.pt")


def test_weights_of_another_network_change_nothing(tmp_path):
    save_file(net(8).state_dict(), tmp_path / "wide.safetensors")
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    target = net()
    before = {key: value.clone() for key, value in target.state_dict().items()}
    with pytest.raises(ModelError, match=r"0.weight \(8, 3, 3, 3\) for \(4, 3, 3, 3\)"):
        load_weights(target, tmp_path / "wide.safetensors")
    with pytest.raises(ModelError, match=r"missing: 0.weight, .*; not in the network: other"):
        load_weights(target, tmp_path / "other.safetensors")
    assert all(torch.equal(before[key], value) for key, value in target.state_dict().items())


# exported programs


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "net.pt2"
    example = (torch.randn(2, 3, 8, 8),)
    torch.export.save(torch.export.export(net().eval(), example, dynamic_shapes=({0: torch.export.Dim("batch")},), strict=False), path)
    return path


def test_an_exported_program_computes_what_the_network_did(program):
    x = torch.randn(3, 3, 8, 8)
    loaded = load_program(program)
    assert torch.equal(loaded(x), net().eval()(x))
    assert len(list(loaded.parameters())) == len(list(net().parameters()))


def rewritten(program: Path, path: Path, change) -> Path:
    """A copy of the archive with its files changed: ``change`` gets a dict of file name (without the top folder) to bytes."""
    with zipfile.ZipFile(program) as archive:
        top = archive.namelist()[0].partition("/")[0]
        files = {name.removeprefix(f"{top}/"): archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for name, data in files.items():
            new.writestr(f"{top}/{name}", data)
    return path


def edited(change):
    """Edits the program's JSON."""

    def apply(files: dict[str, bytes]) -> None:
        program = json.loads(files["models/model.json"])
        change(program)
        files["models/model.json"] = json.dumps(program).encode()

    return apply


def pickled_samples(mark: Path):
    def apply(files: dict[str, bytes]) -> None:
        buffer = io.BytesIO()
        torch.save(((Bomb(mark),), {}), buffer)
        files["data/sample_inputs/model.pt"] = buffer.getvalue()

    return apply


def pickled_weight(mark: Path):
    def apply(files: dict[str, bytes]) -> None:
        listed = json.loads(files["data/weights/model_weights_config.json"])
        entry = next(iter(listed["config"].values()))
        entry["use_pickle"] = True
        buffer = io.BytesIO()
        torch.save(Bomb(mark), buffer)
        files[f"data/weights/{entry['path_name']}"] = buffer.getvalue()
        files["data/weights/model_weights_config.json"] = json.dumps(listed).encode()

    return apply


def evil_shape(mark: Path):
    text = f"__import__('os').mkdir({str(mark)!r})"

    def change(program) -> None:
        for value in program["graph_module"]["graph"]["tensor_values"].values():
            for size in value["sizes"]:
                if "as_expr" in size:
                    size["as_expr"]["expr_str"] = text

    return edited(change)


def test_torch_itself_runs_what_these_archives_hold_and_pellucid_does_not(program, tmp_path):
    """The danger is real: torch.export.load (in a process of its own) makes the marks, load_program makes none."""
    made = {"samples": pickled_samples, "weight": pickled_weight, "shape": evil_shape}
    for name, make in made.items():
        mark = tmp_path / f"mark-{name}"
        path = rewritten(program, tmp_path / f"{name}.pt2", make(mark))
        if name == "samples":
            load_program(path)  # sample inputs are not needed, so they are not even opened
        else:
            with pytest.raises(FileError, match="only what is known to be data is loaded"):
                load_program(path)
        assert not mark.exists(), name
    script = "import sys, torch\nfor path in sys.argv[1:]:\n  try: torch.export.load(path)\n  except Exception: pass"
    paths = [str(tmp_path / f"{name}.pt2") for name in made]
    subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, check=True, timeout=120)
    assert {name for name in made if (tmp_path / f"mark-{name}").exists()} == set(made)


def first_node(change):
    return edited(lambda program: change(program["graph_module"]["graph"]["nodes"][0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (first_node(lambda node: node.update(target="torch.os.system")), "no tensor operator"),
        (first_node(lambda node: node.update(target="torch.ops.aten.from_file.default")), "opens files"),
        (first_node(lambda node: node.update(target="torch.ops.aten.save.default")), "no tensor operator"),
        (first_node(lambda node: node.update(target="torch.ops.mine.custom.default")), "no tensor operator"),
        (first_node(lambda node: node.update(target="_operator.attrgetter")), "no tensor operator"),
        (first_node(lambda node: node["inputs"][0]["arg"]["as_tensor"].update(name="x);import os;(x")), "a name that is no name"),
        (first_node(lambda node: node["inputs"][0].update(arg={"as_operator": "torch.os.system"})), "passes objects"),
        (edited(lambda p: p["graph_module"]["module_call_graph"][0]["signature"].update(forward_arg_names=["x=print(1)"])), "no name"),
        (edited(lambda p: p["graph_module"].update(treespec_namedtuple_fields={"a.B": {"field_names": ["c"]}})), "named tuples"),
        (
            edited(
                lambda p: p["graph_module"]["module_call_graph"][0]["signature"].update(
                    out_spec='[1, {"type": "collections.defaultdict", "context": "{}", "children_spec": []}]'
                )
            ),
            "own types",
        ),
    ],
)
def test_what_is_not_known_to_be_data_is_refused(program, tmp_path, change, message):
    path = rewritten(program, tmp_path / "changed.pt2", change)
    with pytest.raises(FileError, match=message) as caught:
        load_program(path)
    assert "factory" in str(caught.value)


def test_guards_are_code_and_are_left_out(program, tmp_path):
    mark = tmp_path / "mark"
    path = rewritten(program, tmp_path / "g.pt2", edited(lambda p: p.update(guards_code=[f"__import__('os').mkdir({str(mark)!r})"])))
    load_program(path)(torch.randn(2, 3, 8, 8))
    assert not mark.exists()


@pytest.mark.parametrize(
    "text", ["().__class__", "s0.bit_length()", "Pow(Integer(9), Integer(99999999))", "lambda: 0", "[s0]", "'open'", "s0 +"]
)
def test_a_shape_that_is_no_arithmetic_is_refused(text):
    with pytest.raises(FileError, match="arithmetic"):
        check_shape(text)


def test_a_shape_that_is_arithmetic_is_let_through():
    check_shape("Add(Integer(-2), Mul(Integer(3), Symbol('s77', positive=True, integer=True)))")


def test_a_program_that_is_none_is_refused(program, tmp_path):
    save_file(net().state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(FileError, match="no exported program"):
        load_program(tmp_path / "w.safetensors")
    with pytest.raises(FileError, match="an exported program, not weights"):
        read_weights(program)
    (tmp_path / "short.pt2").write_bytes(cut(program.read_bytes()))
    with pytest.raises(FileError):
        load_program(tmp_path / "short.pt2")
    with pytest.raises(FileError, match="can not be read"):
        load_program(rewritten(program, tmp_path / "less.pt2", lambda files: files.pop("data/constants/model_constants_config.json")))


def test_the_content_tells_the_format_not_the_name(program, tmp_path):
    odd = tmp_path / "weights.safetensors"
    odd.write_bytes(program.read_bytes())
    assert file_format(odd.read_bytes()) == "exported"


def test_in_fills_become_the_method_s_baseline() -> None:
    assert method_of("occlusion", [], ["blur"]) == Occlusion(baseline="blur")
    assert method_of("occlusion", ["window=8"], ["mean", "noisy"]) == Occlusion(window=8, baseline=("mean", "noisy"))
    with pytest.raises(InputError, match="replaces nothing"):
        method_of("gradient", [], ["blur"])
