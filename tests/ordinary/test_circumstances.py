"""How networks are held: dtypes, modes, contexts of the caller, wrappers, scripts, quantization, devices."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from ordinary.twins import FEATURES, check_right, close, expected, gradient, methods, table, table_net
from pellucid.errors import CapabilityError, ModelError
from registration.subjects import differences, record

# the unit roundoff of the dtype; a network of three layers adds a few of them, and a gradient as many again
ROUNDOFF = {torch.float64: 2.0**-53, torch.float32: 2.0**-24, torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8}


class Restless(nn.Module):
    """Dropout and batch norm."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm, self.drop, self.last = nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)
        self.norm.running_mean.uniform_(-1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.drop(torch.tanh(self.norm(self.first(x)))))


def test_train_mode_is_explained_in_eval_mode():
    net = Restless().double().train()
    still = copy.deepcopy(net).eval()
    check_right(net, table(), lambda row: still(row)[:, 1], FEATURES, target=1)
    assert net.training


def test_train_mode_as_it_is_draws_the_same_and_leaves_the_statistics():
    net, x = Restless().double().train(), table(8)
    before = record(net, x)
    first = pl.explain(net, x, "gradient", target=1, mode="as_is", batch_size=8, checks="none")
    second = pl.explain(net, x, "gradient", target=1, mode="as_is", batch_size=8, checks="none")
    assert not differences(before, record(net, x))
    np.testing.assert_array_equal(first.arrays[0].values, second.arrays[0].values)
    assert first.provenance.mode == "as_is"
    assert any("batch normalization" in guess for guess in first.provenance.guesses)
    still = pl.explain(net, x, "gradient", target=1, batch_size=8, checks="none")
    assert np.abs(first.arrays[0].values - still.arrays[0].values).max() > 1e-3
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the draws start from zero in every call
        leaf = x.clone().requires_grad_()
        wanted = torch.autograd.grad(copy.deepcopy(net)(leaf)[:, 1].sum(), leaf)[0]
    close(first.arrays[0].values, wanted, 1e-9)


def test_batch_norm_in_training_and_a_batch_of_one():
    net = Restless().double().train()
    with pytest.raises(ModelError, match=r"more than 1 value per channel.*mode='eval'.*batch_size=8"):
        pl.explain(net, table(1), "gradient", target=1, mode="as_is")
    check_right(net, table(1), lambda row: copy.deepcopy(net).eval()(row)[:, 1], FEATURES, target=1)


@pytest.mark.parametrize("dtype", list(ROUNDOFF))
def test_dtypes_against_a_wide_copy(dtype):
    net, x = table_net().to(dtype), table().to(dtype)
    wide = copy.deepcopy(net).double()
    # 40: five inputs, eight units and two products on the way forward, as many on the way back; the falls of occlusion are
    # differences of scores a few times their size
    wanted = expected(lambda row: wide(row)[:, 1], x.double(), FEATURES)
    for name, method in methods().items():
        found = pl.explain(net, x, method, target=1, checks="none")
        close(found.arrays[0].values, wanted[name], 40 * ROUNDOFF[dtype], name)
        assert found.provenance.dtype == str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_takes_float32_rows_and_arrays(dtype):
    net = table_net().to(dtype)
    given = pl.explain(net, table().to(dtype), "integrated_gradients", target=1).arrays[0].values
    for rows in (table().to(dtype).float(), table().to(dtype).float().numpy()):
        np.testing.assert_array_equal(pl.explain(net, rows, "integrated_gradients", target=1).arrays[0].values, given)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", dtype=torch.bfloat16)])
def test_the_caller_s_context_changes_nothing(context):
    net, x = table_net().float(), table().float()
    outside = {name: pl.explain(net, x, method, target=1, batch_size=4).arrays[0].values for name, method in methods().items()}
    with context():
        for name, method in methods().items():
            inside = pl.explain(net, x, method, target=1, batch_size=4)
            np.testing.assert_array_equal(inside.arrays[0].values, outside[name])
        inside = pl.explain(net, x.numpy(), "integrated_gradients", target=1, background=x.numpy() * 2, batch_size=4)
    again = pl.explain(net, x.numpy(), "integrated_gradients", target=1, background=x.numpy() * 2, batch_size=4)
    np.testing.assert_array_equal(inside.arrays[0].values, again.arrays[0].values)


def test_network_and_rows_born_in_inference_mode():
    with torch.inference_mode():
        net, x = table_net(), table()
        inside = pl.explain(net, x, "integrated_gradients", target=1, batch_size=8)
    plain = table_net()
    check = pl.explain(plain, table(), "integrated_gradients", target=1, batch_size=8)
    np.testing.assert_array_equal(inside.arrays[0].values, check.arrays[0].values)
    outside = pl.explain(net, x, "integrated_gradients", target=1, batch_size=8)
    np.testing.assert_array_equal(outside.arrays[0].values, check.arrays[0].values)
    assert net[0].weight.is_inference()


def test_autocast_inside_the_network_stays():
    class Casting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = table_net().float()

        def forward(self, x: Tensor) -> Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return self.net(x).float()

    net, x = Casting().eval(), table().float()
    close(pl.explain(net, x, "gradient", target=1).arrays[0].values, gradient(lambda row: net(row)[:, 1], x), 1e-6)


def test_compiled_and_data_parallel():
    net, x = table_net(), table()

    class Parts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.compile(copy.deepcopy(net), backend="eager")

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)

    in_place = copy.deepcopy(net)
    in_place.compile(backend="eager")
    in_place.train()
    for wrapped in (
        torch.compile(net, backend="eager"),
        nn.DataParallel(net),
        nn.DataParallel(torch.compile(net, backend="eager")),
        Parts(),
        in_place,
    ):
        for _ in range(2):
            check_right(wrapped, x, lambda row: net(row)[:, 1], FEATURES, target=1)
        wrapped(x)
    torch._dynamo.reset()


def test_a_compiled_network_with_dropout_is_explained_in_eval_mode():
    net = Restless().double().train()
    still = copy.deepcopy(net).eval()
    net.compile(backend="eager")
    check_right(net, table(), lambda row: still(row)[:, 1], FEATURES, target=1)
    torch._dynamo.reset()


def test_hooks_on_a_wrapper_are_not_lost_in_silence():
    wrapped = nn.DataParallel(table_net())
    wrapped.register_forward_hook(lambda _m, _a, output: output * 2)
    with pytest.raises(ModelError, match=r"hooks hang on a wrapper.*DataParallel.*inside"):
        pl.explain(wrapped, table(), "gradient", target=1)


@pytest.mark.parametrize("make", ["script", "trace"])
def test_scripted_and_traced(make):
    net, x = table_net(), table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is phasing both out
        made = torch.jit.script(net) if make == "script" else torch.jit.trace(net, x)
    check_right(made, x, lambda row: net(row)[:, 1], FEATURES, target=1)
    check_right(nn.Sequential(made, nn.Identity()), x, lambda row: net(row)[:, 1], FEATURES, target=1)
    full = pl.explain(made, x, "integrated_gradients", target=1, checks="full")
    assert full.check("parameter_randomization").value.max() < 1


def test_exported_program():
    net, x = table_net(), table()
    program = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("rows", min=1)},)).module()
    check_right(program, x, lambda row: net(row)[:, 1], FEATURES, target=1)


def test_dynamically_quantized():
    net, x = table_net().float(), table().float()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized = torch.ao.quantization.quantize_dynamic(net, {nn.Linear}, dtype=torch.qint8)
    for rows in (x, x.numpy(), x.double().numpy()):
        found = pl.explain(quantized, rows, pl.Occlusion(baseline=pl.Constant(0.0)), target=1, batch_size=1)
        wanted = expected_falls(quantized, x)
        np.testing.assert_allclose(found.arrays[0].values, wanted, atol=1e-6)  # rows alone: the quantizer's range is the batch's
    assert any("range from the whole batch" in guess for guess in found.provenance.guesses)
    assert pl.explain(quantized, x, "random", target=1).verdict == "refused"
    for method in ("gradient", "gradient_times_input", "smoothgrad", "integrated_gradients"):
        with pytest.raises(CapabilityError, match=r"gradient.*quantized.*occlusion"):
            pl.explain(quantized, x, method, target=1)


def expected_falls(net: nn.Module, x: Tensor) -> np.ndarray:
    found = np.zeros(x.shape)
    with torch.no_grad():
        for i in range(len(x)):
            for k in range(x.shape[1]):
                gone = x[i : i + 1].clone()
                gone[0, k] = 0
                found[i, k] = float((net(x[i : i + 1]) - net(gone))[0, 1])
    return found


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_devices(device):
    if not (torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()):
        pytest.skip(f"this machine has no {device}")
    net, x = table_net().float(), table().float()
    wanted = expected(lambda row: net(row)[:, 1], x, FEATURES)
    there = copy.deepcopy(net).to(device)
    for rows in (x.to(device), x.numpy()):
        for name, method in methods().items():
            close(pl.explain(there, rows, method, target=1).arrays[0].values, wanted[name], 1e-4, name)
