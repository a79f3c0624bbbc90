"""watch(): the training is as it would be without it, and what is recorded is what was."""

from __future__ import annotations

import copy
import os
import pickle
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pellucid as pl
from pellucid.training.recording.activations import Given, activation_frame
from pellucid.training.runs.contents import BINS, QUANTILES
from training.recording.loops import batches, convolutional, images, mlp, rows, train


def eager(run: pl.Recorder) -> pl.Recorder:
    """A recorder that takes a frame of some kind at every step."""
    run._always, run._looks.allowed_behind = True, 10**9
    turn = iter(run._looks.kinds * 1000)
    run._looks.schedule.due = lambda *_: next(turn)
    return run


@pytest.mark.parametrize("workers", [0, 2])
def test_the_losses_are_bit_by_bit_those_of_the_loop_without_it(tmp_path: Path, workers: int) -> None:
    data = images()

    def losses(watched: bool) -> tuple[list[float], torch.Tensor, nn.Module]:
        net = convolutional()
        optimizer = torch.optim.Adam(net.parameters(), 1e-2)
        torch.manual_seed(7)
        steps = batches(data, workers=workers, epochs=3)
        if not watched:
            return train(net, None, optimizer, steps), torch.get_rng_state(), net
        with eager(pl.watch(net, optimizer, tmp_path / "run", data=(data[0][:20], data[1][:20]))) as run:
            return train(net, run, optimizer, steps), torch.get_rng_state(), net

    plain, state, net = losses(False)
    told, state_told, net_told = losses(True)
    assert told == plain
    assert torch.equal(state, state_told)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), net_told.state_dict().values(), strict=True))
    run = pl.Run(tmp_path / "run")
    assert run.scalars("loss").values.tolist() == plain
    assert {"layers", "activations", "parameters", "predictions", "attributions"} <= set(run.kinds)


def test_nothing_is_left_on_the_network_or_the_optimizer(tmp_path: Path) -> None:
    net, data = mlp(), rows()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    before = {name: copy.copy(vars(module)) for name, module in net.named_modules()}
    held = copy.copy(vars(optimizer))

    def while_armed() -> None:
        pickle.dumps(net)  # a checkpoint of whole objects, while the next step is to be looked at
        pickle.dumps(optimizer)

    with eager(pl.watch(net, optimizer, tmp_path, data=data)) as run:
        train(net, run, optimizer, batches(data, epochs=1), told=while_armed)
    for name, module in net.named_modules():
        assert vars(module).keys() == before[name].keys()
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert module.training == before[name]["training"]
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    assert vars(optimizer).keys() == held.keys()
    everyone = [getattr(import_module("torch.optim.optimizer"), f"_global_optimizer_{when}_hooks") for when in ("pre", "post")]
    assert not any(everyone)
    assert not import_module("torch.nn.modules.module")._global_forward_hooks


def test_weights_gradients_and_updates_are_those_of_the_step(tmp_path: Path) -> None:
    net, (inputs, labels) = mlp(), rows()
    optimizer = torch.optim.SGD(net.parameters(), 0.5, momentum=0.9)
    seen = []
    with pl.watch(net, optimizer, tmp_path, every=3) as run:
        for _ in range(9):
            loss = F.cross_entropy(net(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            before = [p.detach().clone() for p in net.parameters()]
            gradients = [p.grad.clone() for p in net.parameters() if p.grad is not None]
            optimizer.step()
            seen.append((before, gradients, [p.detach() - b for p, b in zip(net.parameters(), before, strict=True)]))
            run.step(loss=loss)
    frames = pl.Run(tmp_path).frames("layers")
    assert frames.steps.tolist() == [4, 7]  # armed at 3 and 6, looked at in the step after
    for step, frame in zip(frames.steps, frames, strict=True):
        for spread, tensors in zip((frame.weights, frame.gradients, frame.updates), seen[step - 1], strict=True):
            assert spread.names == tuple(name for name, _ in net.named_parameters())
            for i, tensor in enumerate(tensors):
                values = tensor.double().numpy().ravel()
                assert spread.size[i] == spread.taken[i] == values.size
                np.testing.assert_allclose(spread.norm[i], np.linalg.norm(values), rtol=1e-6)
                np.testing.assert_allclose([spread.mean[i], spread.std[i]], [values.mean(), values.std()], rtol=1e-5, atol=1e-9)
                np.testing.assert_allclose(spread.quantiles[i], np.quantile(values, QUANTILES), rtol=1e-5, atol=1e-9)
                assert spread.counts[i].sum() == values.size
        assert not frame.estimated.any()
        np.testing.assert_allclose(frame.ratio, frame.updates.norm / frame.weights.norm, rtol=1e-9)
        assert frame.learning_rate.tolist() == [0.5] * 6


def test_large_tensors_are_sampled_and_that_is_said(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Linear(400, 300)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with pl.watch(net, optimizer, tmp_path, every=1) as run:
        for _ in range(3):
            before = net.weight.detach().clone()
            optimizer.zero_grad()
            net(torch.randn(8, 400)).square().mean().backward()
            optimizer.step()
            run.step()
    frame = pl.Run(tmp_path).frames("layers")[-1]
    assert frame.weights.size[0] == 120_000
    assert frame.weights.taken[0] == 4096
    assert frame.estimated.tolist() == [True, False]
    np.testing.assert_allclose(frame.weights.norm[0], before.norm(), rtol=1e-6)  # exact
    truth = (net.weight.detach() - before).norm().item()
    assert abs(frame.updates.norm[0] / truth - 1) < 4 * np.sqrt(2) / (2 * np.sqrt(4096))  # four standard errors, roughly normal values


def test_what_is_not_finite_is_counted_and_kept_apart(tmp_path: Path) -> None:
    net = nn.Linear(4, 4)
    optimizer = torch.optim.SGD(net.parameters(), 1.0)
    with torch.no_grad():
        net.weight[0, 0] = float("nan")
    with pl.watch(net, optimizer, tmp_path, every=1) as run:
        for _ in range(3):
            optimizer.zero_grad()
            net(torch.ones(2, 4)).sum().backward()
            optimizer.step()
            run.step(loss=float("nan"))
    run = pl.Run(tmp_path)
    frame = run.frames("layers")[0]
    assert frame.weights.broken[0] == pytest.approx(1 / 16)
    assert np.isfinite(frame.weights.quantiles[0]).all()
    assert np.isnan(frame.weights.norm[0])
    assert np.isnan(run.scalars("loss").values).all()


def test_activations_against_a_slow_count() -> None:
    torch.manual_seed(0)
    outputs = torch.relu(torch.randn(10, 4, 5, 5))
    outputs[:, 2] = 0
    squashed = torch.tanh(3 * torch.randn(10, 7))
    frame = activation_frame([Given("r", nn.ReLU, outputs, 1), Given("t", nn.Tanh, squashed, 1)])
    assert frame.units.tolist() == [4, 7]
    assert frame.dead.tolist() == [1, -1]
    assert frame.zero[0] == pytest.approx(float((outputs == 0).float().mean()))
    slope = 1 - squashed**2
    assert frame.saturated[1] == pytest.approx(float((slope < 0.05).float().mean()))
    assert np.isnan(frame.saturated[0])
    assert frame.spread.counts.shape == (2, BINS)
    for i, values in enumerate((outputs, squashed)):
        assert frame.response[i] == pytest.approx(values.var(0, unbiased=False).mean().sqrt().item(), rel=1e-6)


class Tokens(nn.Module):
    """Long rows of tokens: a layer gives more than is kept of one row."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.bend, self.head = nn.Linear(2, 96), nn.ReLU(), nn.Linear(96, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.bend(self.enter(x))).mean(1)


class Series(nn.Module):
    """A convolution over time, whose channels stand second."""

    def __init__(self) -> None:
        super().__init__()
        self.convolve, self.bend, self.head = nn.Conv1d(2, 5, 3), nn.ReLU(), nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.bend(self.convolve(x)).mean(2))


@pytest.mark.parametrize(
    ("net", "inputs", "units"), [(Tokens, (4, 1500, 2), 96), (Series, (4, 2, 20), 5)], ids=["features last", "channels second"]
)
def test_units_are_found_where_they_lie_and_none_is_left_out(
    tmp_path: Path, net: type[nn.Module], inputs: tuple[int, ...], units: int
) -> None:
    torch.manual_seed(0)
    made, x = net(), torch.randn(inputs)
    first = next(made.children())
    with torch.no_grad():
        first.weight[1], first.bias[1] = 0.0, -1.0  # a unit that gives 0 to everything
        first.bias[0] = 100.0  # and one that never does
    optimizer = torch.optim.SGD(made.parameters(), 0.0)
    with pl.watch(made, optimizer, tmp_path) as run:
        run._always, run._looks.schedule.due = True, lambda *_: "activations"
        for _ in range(3):
            optimizer.zero_grad()
            made(x).square().mean().backward()
            optimizer.step()
            run.step()
    frame = pl.Run(tmp_path).frames("activations")[-1]
    place = frame.layers.index("bend")
    with torch.no_grad():
        outputs = made.bend(made.enter(x)) if net is Tokens else made.bend(made.convolve(x)).transpose(1, 2)
    assert frame.units[place] == units
    looked = outputs[:1, ::4] if net is Tokens else outputs  # of long rows every fourth token of one
    assert frame.rows[place] == len(looked) and frame.spread.size[place] == looked.numel()
    assert frame.dead[place] == int((looked == 0).all(dim=(0, 1)).sum()) >= 1
    assert frame.spread.size[place] <= 65_536 + 96


def test_nothing_is_held_where_watching_can_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.training.recording import recorder

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no looks")

    with monkeypatch.context() as patched:
        patched.setattr(recorder, "Looks", fails)
        with pytest.raises(RuntimeError, match="no looks"):
            pl.watch(mlp(), None, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.sqlite"]
    assert pl.Run(tmp_path).status == "failed: watching could not begin"
    with pl.watch(mlp(), None, tmp_path) as run:
        run.step(loss=1.0)
    assert pl.Run(tmp_path).status == "finished"


def test_activations_are_those_of_the_training_pass_not_of_validation(tmp_path: Path) -> None:
    net, (inputs, labels) = mlp(), rows(32)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    kept = {}
    with pl.watch(net, optimizer, tmp_path) as run:
        run._always, run._looks.schedule.due = True, lambda *_: "activations"
        for step in range(1, 5):
            with torch.no_grad():
                net(torch.full((8, 2), 1e3))  # validation
            hidden = net[0](inputs)
            kept[step] = torch.relu(hidden).detach()
            loss = F.cross_entropy(net(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(loss=loss)
    frames = pl.Run(tmp_path).frames("activations")
    assert len(frames) >= 1
    for step, frame in zip(frames.steps, frames, strict=True):
        place = frame.layers.index("1")
        assert frame.spread.quantiles[place, -1] == pytest.approx(kept[int(step)].max().item(), rel=1e-6)


def test_pinned_rows(tmp_path: Path) -> None:
    net, (inputs, labels) = mlp(), rows(40)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with pl.watch(net, optimizer, tmp_path, data=(inputs, labels)) as run:
        train(net, run, optimizer, batches((inputs, labels), epochs=1))
    run = pl.Run(tmp_path)
    np.testing.assert_array_equal(run.pinned.inputs, inputs.numpy())
    np.testing.assert_array_equal(run.pinned.labels, labels.numpy())
    with torch.no_grad():
        outputs = net(inputs)
    np.testing.assert_allclose(run.frames("predictions")[-1].outputs, outputs.numpy(), atol=1e-6)
    frame = run.frames("attributions")[-1]
    assert frame.values.shape == (6, 2)
    assert frame.classes.tolist() == labels[torch.from_numpy(frame.rows)].tolist()
    assert set(frame.classes.tolist()) == {0, 1}
    baseline = torch.zeros(2)
    for i, row in enumerate(frame.rows):  # complete: the values add up to the difference of the log-odds
        with torch.no_grad():
            logit, at_zero = (net(v[None])[0] for v in (inputs[row], baseline))
        c = int(labels[row])
        assert frame.scores[i] == pytest.approx(float(logit[c]), abs=1e-5)
        assert frame.values[i].sum() == pytest.approx(float(logit[c] - at_zero[c]), abs=2e-2)
    boundary = run.frames("boundary")[-1]
    points = torch.tensor(np.stack(np.meshgrid(boundary.x, boundary.y), -1).reshape(-1, 2), dtype=torch.float32)
    with torch.no_grad():
        np.testing.assert_array_equal(net(points).argmax(1).numpy(), boundary.classes.ravel())
    parameters = run.frames("parameters")[-1]
    np.testing.assert_array_equal(parameters.values, nn.utils.parameters_to_vector(net.parameters()).detach().numpy())


def test_a_loop_without_an_optimizer(tmp_path: Path) -> None:
    net, (inputs, labels) = mlp(), rows(32)
    with pl.watch(net, None, tmp_path, every=2) as run:
        for _ in range(6):
            net.zero_grad()
            loss = F.cross_entropy(net(inputs), labels)
            loss.backward()
            with torch.no_grad():
                for p in net.parameters():
                    p -= 0.1 * p.grad
            run.step(loss=loss)
    frame = pl.Run(tmp_path).frames("layers")[0]
    assert frame.updates is None
    assert frame.gradients is not None
    assert np.isnan(frame.learning_rate).all()


def test_several_optimizers_and_learning_rates(tmp_path: Path) -> None:
    net, (inputs, labels) = mlp(), rows(32)
    first = torch.optim.SGD(net[0].parameters(), 0.1)
    second = torch.optim.Adam([*net[2].parameters(), *net[4].parameters()], 1e-3)
    with pl.watch(net, [first, second], tmp_path, every=1) as run:
        for step in range(1, 5):
            loss = F.cross_entropy(net(inputs), labels)
            net.zero_grad()
            loss.backward()
            first.step()
            second.step()
            if step == 3:
                first.param_groups[0]["lr"] = 0.05
            run.step(loss=loss)
    run = pl.Run(tmp_path)
    rate = run.scalars("learning_rate")
    assert rate.steps.tolist() == [1, 3]
    assert rate.values.tolist() == [0.1, 0.05]
    assert run.scalars("learning_rate.1").values.tolist()[0] == 1e-3


def test_the_budget_is_kept_and_still_every_kind_is_there(tmp_path: Path) -> None:
    from pellucid.training.recording.schedule import AIM, Schedule

    clock = [0.0]
    import pellucid.training.recording.schedule as module

    cost = {"a": 0.2, "b": 0.01, "c": 0.001}
    taken = dict.fromkeys(cost, 0)
    original, module.time = module.time, type("Clock", (), {"perf_counter": staticmethod(lambda: clock[0])})
    try:
        schedule, spent = Schedule(0.02, tuple(cost)), 0.0
        for _ in range(60_000):  # ten minutes
            clock[0] += 0.01
            kind = schedule.due(spent, spent)
            if kind is not None:
                spent += cost[kind]
                taken[kind] += 1
                schedule.learn(kind, cost[kind])
    finally:
        module.time = original
    assert spent <= 0.02 * AIM * 600 + max(cost.values())
    assert spent >= 0.9 * 0.02 * AIM * 600
    assert max(taken.values()) - min(taken.values()) <= 1  # in turn


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda net, opt, at: pl.watch(lambda x: x, opt, at), "torch module"),
        (lambda net, opt, at: pl.watch(net, "adam", at), "optimizer"),
        (lambda net, opt, at: pl.watch(mlp(), opt, at), "nothing of this network"),
        (lambda net, opt, at: pl.watch(net, opt, at, budget=0), "share of the training time"),
        (lambda net, opt, at: pl.watch(net, opt, at, every=0), "counts steps"),
        (lambda net, opt, at: pl.watch(net, opt, at, data=(rows()[0], rows()[1][:3])), "One label per pinned row"),
        (lambda net, opt, at: pl.watch(net, opt, at, data=rows(), attribution="integrated_grads"), "integrated_gradients"),
    ],
)
def test_bad_arguments(tmp_path: Path, make: object, words: str) -> None:
    net = mlp()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with pytest.raises(pl.PellucidError, match=words):
        make(net, optimizer, tmp_path / "run")
    assert not (tmp_path / "run").exists() or not any((tmp_path / "run").iterdir())


def test_a_loss_that_is_no_single_number_is_refused_and_training_can_go_on(tmp_path: Path) -> None:
    net = mlp()
    with pl.watch(net, None, tmp_path) as run:
        with pytest.raises(pl.PellucidError, match=r"shape \(3,\)"):
            run.step(loss=torch.ones(3))
        with pytest.raises(pl.PellucidError, match="one number"):
            run.step(loss="low")
        run.step(loss=1.0)
    with pytest.raises(pl.PellucidError, match="closed"):
        run.step(loss=1.0)


def test_a_network_that_can_not_be_explained_is_still_recorded(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(2, 2)
            self.asked = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not torch.is_grad_enabled() or not self.training:
                raise RuntimeError("only for training")
            return self.inner(x)

    net = Odd()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    inputs, _ = rows(8)
    with pytest.warns(UserWarning, match="left out"), eager(pl.watch(net, optimizer, tmp_path, data=inputs)) as run:
        for _ in range(8):
            loss = net(inputs).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(loss=loss)
    run = pl.Run(tmp_path)
    assert len(run.scalars("loss")) == 8
    assert "layers" in run.kinds
    assert any(event.what == "left_out" for _, event in run.events)


def test_a_compiled_network_is_not_compiled_anew(tmp_path: Path) -> None:
    data = rows(64)

    def losses(folder: Path | None) -> list[float]:
        net = mlp()
        net.compile(backend="eager")
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        torch.manual_seed(0)
        if folder is None:
            return train(net, None, optimizer, batches(data, epochs=1))
        with eager(pl.watch(net, optimizer, folder, data=data)) as run:
            return train(net, run, optimizer, batches(data, epochs=1))

    assert losses(tmp_path) == losses(None)
    run = pl.Run(tmp_path)
    assert "activations" not in run.kinds
    assert "layers" in run.kinds
    assert [event.details["kind"] for _, event in run.events if event.what == "left_out"] == ["activations"]


def _closure(net: nn.Module, optimizer: torch.optim.Optimizer, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    def again() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(inputs), labels)
        loss.backward()
        return loss

    return optimizer.step(again)


def _accumulated(net: nn.Module, optimizer: torch.optim.Optimizer, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    for half, truth in zip(inputs.split(16), labels.split(16), strict=True):
        loss = F.cross_entropy(net(half), truth) / 2
        loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss


def _scaled(net: nn.Module, optimizer: torch.optim.Optimizer, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.cross_entropy(net(inputs), labels)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss


@pytest.mark.parametrize(
    ("step", "make"),
    [
        (_closure, lambda weights: torch.optim.LBFGS(weights, lr=0.1, max_iter=3)),
        (_accumulated, lambda weights: torch.optim.SGD(weights, lr=0.1)),
        (_scaled, lambda weights: torch.optim.AdamW(weights, lr=0.01)),
        (_accumulated, lambda weights: torch.optim.Adam(weights, lr=0.01, fused=True)),
    ],
    ids=["closure", "accumulation", "mixed precision", "fused"],
)
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "DataParallel"])
def test_loops_as_people_write_them(tmp_path: Path, step: object, make: object, wrapped: bool) -> None:
    inputs, labels = rows(32)

    def losses(folder: Path | None) -> list[float]:
        net = nn.DataParallel(mlp()) if wrapped else mlp()
        optimizer = make(net.parameters())
        if folder is None:
            return [float(step(net, optimizer, inputs, labels).detach()) for _ in range(12)]
        with eager(pl.watch(net, optimizer, folder, data=(inputs, labels))) as run:
            found = []
            for _ in range(12):
                loss = step(net, optimizer, inputs, labels).detach()
                run.step(loss=loss)
                found.append(float(loss))
            return found

    assert losses(tmp_path) == losses(None)
    frame = pl.Run(tmp_path).frames("layers")[-1]
    assert frame.gradients is not None
    assert (frame.gradients.norm > 0).all()
    assert (frame.updates.norm > 0).any()
    assert pl.Run(tmp_path).kinds["activations"] >= 1


def test_a_look_that_fails_inside_a_step_does_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, data = mlp(), rows(64)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)

    def fails(*_: object) -> None:
        raise RuntimeError("no sample")

    with pytest.warns(UserWarning, match="layers of this network.*no sample") as told, pl.watch(net, optimizer, tmp_path, every=1) as run:
        monkeypatch.setattr(type(run._looks._layers.sampler), "__call__", fails)
        losses = train(net, run, optimizer, batches(data, epochs=1))
    assert len(losses) == 4
    assert len(pl.Run(tmp_path).scalars("loss")) == 4
    assert len([one for one in told if "layers" in str(one.message)]) == 1
    assert not import_module("torch.optim.optimizer")._global_optimizer_post_hooks


def test_parameters_without_a_shape(tmp_path: Path) -> None:
    net = nn.Sequential(nn.LazyLinear(3))
    with pytest.raises(pl.PellucidError, match="run one batch"):
        pl.watch(net, None, tmp_path)


def test_ranks_above_0_record_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("RANK", "1")
    net = mlp()
    with pl.watch(net, None, tmp_path / "run") as run:
        run.step(loss=1.0)
        run.log(valid=1.0)
        run.note("nothing")
    assert not run.recording
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv("RANK", "0")
    with pl.watch(net, None, tmp_path / "run") as run:
        run.step(loss=1.0)
    assert len(pl.Run(tmp_path / "run").scalars("loss")) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python warns of forks beside threads")
def test_a_forked_process_records_nothing_and_takes_nothing_along(tmp_path: Path) -> None:
    with pl.watch(mlp(), None, tmp_path) as run:
        run.step(loss=1.0)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run.step(loss=99.0)
                run.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        run.step(loss=2.0)
    assert pl.Run(tmp_path).scalars("loss").values.tolist() == [1.0, 2.0]
