"""Training: the same seed gives the same bytes, nothing else is touched, and beginners' faults are caught before they train something."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.errors import InputError, ModelError, UnknownName
from pellucid.explanation import renderers
from pellucid.training.fit import fit, initialize
from pellucid.training.history import History

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(200, 4)).astype(np.float32)
LABELS = (INPUTS[:, 0] + INPUTS[:, 1] > 0).astype(np.int64)
VALUES = INPUTS @ np.array([[1.0], [-2.0], [0.5], [0.0]], np.float32) + 3


def network(outputs: int = 2, *, seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, outputs))


def state_bytes(net: nn.Module) -> bytes:
    return b"".join(value.numpy().tobytes() for value in net.state_dict().values())


def test_two_classes_are_learned():
    net = network()
    history = fit(net, INPUTS, LABELS, epochs=30, learning_rate=1e-2)
    with torch.no_grad():
        right = (net.eval()(torch.tensor(INPUTS)).argmax(1).numpy() == LABELS).mean()
    assert right >= 0.95
    assert history.curves["train_loss"][-1] < history.curves["train_loss"][0]
    assert history.epochs == history.kept_epoch == 30
    assert set(history.curves) == {"train_loss", "train_accuracy"}


def test_a_linear_map_is_recovered_by_least_squares():
    net = nn.Linear(4, 1)
    fit(net, INPUTS, VALUES, loss="mse", epochs=200, learning_rate=0.05)
    np.testing.assert_allclose(net.weight.detach().numpy(), [[1, -2, 0.5, 0]], atol=1e-3)
    assert net.bias.item() == pytest.approx(3, abs=1e-3)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_one_output_is_the_log_odds_of_class_1(shape):
    net = nn.Sequential(nn.Linear(4, 1), nn.Unflatten(1, shape) if shape else nn.Flatten(0))
    fit(net, INPUTS, LABELS, epochs=60, learning_rate=0.05)
    with torch.no_grad():
        odds = net(torch.tensor(INPUTS)).reshape(-1).numpy()
    assert ((odds > 0) == LABELS).mean() >= 0.97


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "momentum"])
@pytest.mark.parametrize("weight_init", [None, "xavier", "kaiming", "orthogonal"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(optimizer, weight_init):
    def trained(seed: int) -> bytes:
        torch.manual_seed(torch.seed() % 1000)  # whatever the global state is
        net = network()
        fit(net, INPUTS, LABELS, epochs=3, optimizer=optimizer, weight_init=weight_init, seed=seed)
        return state_bytes(net)

    assert trained(1) == trained(1) != trained(2)


def test_global_random_states_modes_and_grad_mode_are_left_as_they_were():
    net = network().eval()
    net[3].train()  # one module in another mode than the rest
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    with torch.no_grad():
        fit(net, INPUTS, LABELS, epochs=2, weight_init="kaiming")
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert [module.training for module in net] == [False, False, False, True, False]
    assert all(weight.grad is None for weight in net.parameters())


def test_training_works_for_a_caller_in_inference_mode():
    with torch.inference_mode(mode=False):
        net = network()
    with torch.inference_mode():
        fit(net, torch.tensor(INPUTS), LABELS, epochs=2)
    assert not any(weight.is_inference() for weight in net.parameters())


def test_frozen_parameters_stay():
    net = network()
    net[0].requires_grad_(False)
    before = net[0].weight.clone()
    fit(net, INPUTS, LABELS, epochs=2, weight_init="xavier")
    assert torch.equal(net[0].weight, before)
    with pytest.raises(ModelError, match="nothing to train"):
        fit(net.requires_grad_(False), INPUTS, LABELS)


def test_early_stopping_keeps_the_best_weights():
    noise = np.random.default_rng(1).permutation(LABELS)[:40]
    held = (torch.tensor(INPUTS[100:]), torch.tensor(LABELS[100:]))
    net = network()
    history = fit(net, INPUTS[:40], noise, validation=held, early_stopping=5, epochs=300, learning_rate=2e-2)
    assert history.stopped_early
    best = int(history.curves["valid_loss"].argmin())
    assert history.best_epoch == history.kept_epoch == best + 1 == history.epochs - 5
    with torch.no_grad():
        loss = nn.functional.cross_entropy(net.eval()(held[0]), held[1]).item()
    assert loss == pytest.approx(history.curves["valid_loss"][best], rel=1e-5)
    assert loss < history.curves["valid_loss"][-1]


def test_clipping_and_penalties_do_what_they_say():
    plain, sparse, small = nn.Linear(4, 2), nn.Linear(4, 2), nn.Linear(4, 2)
    for net, options in ((plain, {}), (sparse, {"l1": 0.02}), (small, {"l2": 0.1})):
        fit(net, INPUTS, LABELS, epochs=60, learning_rate=0.02, weight_init="xavier", **options)
    assert sparse.weight[:, 2:].abs().max() < plain.weight[:, 2:].abs().max()
    assert small.weight.square().sum() < 0.5 * plain.weight.square().sum()
    net = nn.Linear(4, 2)
    before = net.weight.detach().clone(), net.bias.detach().clone()
    fit(net, INPUTS, LABELS, optimizer="sgd", learning_rate=1.0, clip_gradient=1e-3, epochs=1, batch_size=200)
    moved = torch.cat([(net.weight - before[0]).flatten(), net.bias - before[1]])
    assert moved.norm().item() == pytest.approx(1e-3, rel=1e-3)  # one step of a gradient of exactly that norm


def test_balanced_weights_raise_the_rare_class():
    rare = (INPUTS[:, 0] + 0.8 * np.random.default_rng(2).normal(size=200) > 1.3).astype(np.int64)
    found = []
    for weights in (None, "balanced", [0.1, 0.9]):
        net = nn.Linear(4, 2)
        fit(net, INPUTS, rare, epochs=60, learning_rate=0.05, weight_init="xavier", class_weights=weights)
        with torch.no_grad():
            found.append(int(net(torch.tensor(INPUTS)).argmax(1)[rare == 1].sum()))
    assert found[0] < found[1]
    assert found[0] < found[2]


def test_a_last_batch_of_one_row_does_not_break_batch_normalization():
    history = fit(network(), INPUTS[:65], LABELS[:65], batch_size=64, epochs=1)
    assert np.isfinite(history.curves["train_loss"]).all()


@pytest.mark.parametrize(("labels", "options", "message"), [
    (LABELS.astype(float), {}, r"must be integers.*astype\(int\)"),
    (np.eye(2)[LABELS], {}, r"one class index per row.*argmax\(1\)"),
    (LABELS + 1, {}, r"outside the network's classes.*1 to 2, 2 classes.*subtract 1"),
    (LABELS - 1, {}, "outside the network's classes"),
    (np.where(LABELS, "yes", "no"), {}, "must be numbers.*np.unique"),
    (LABELS[:-1], {}, "one label each.*200 inputs, 199 labels"),
    (np.where(np.arange(200) == 7, np.nan, LABELS), {}, "1 labels are not finite.*row 7"),
    (np.where(np.arange(200) == 7, np.inf, VALUES[:, 0]), {"loss": "mse"}, "1 labels are not finite.*row 7"),
    (VALUES[:, 0], {"loss": "mse"}, r"each with all, not row by row.*labels\[:, None\]"),
    (VALUES, {"loss": "mse", "class_weights": "balanced"}, "Class weights need classes"),
    (LABELS * 0, {"class_weights": "balanced"}, "at least one row of each class"),
    (LABELS, {"class_weights": [1.0]}, "One weight"),
    (LABELS, {"epochs": 0}, "above zero"),
    (LABELS, {"learning_rate": float("nan")}, "above zero"),
    (LABELS, {"early_stopping": 3}, "needs validation rows"),
])  # fmt: skip
def test_faults_are_caught_before_anything_is_trained(labels, options, message):
    net = network(1 if options.get("loss") == "mse" else 2)
    before, state = state_bytes(net), torch.get_rng_state()
    with pytest.raises(InputError, match=message):
        fit(net, INPUTS, labels, **options)
    assert state_bytes(net) == before
    assert net.training
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_inputs_that_are_not_finite_are_refused(bad):
    inputs = INPUTS.copy()
    inputs[3, 1] = bad
    with pytest.raises(InputError, match=r"not finite.*1 of 200 rows, first row 3"):
        fit(network(), inputs, LABELS)
    with pytest.raises(InputError, match="validation inputs"):
        fit(network(), INPUTS, LABELS, validation=(inputs, LABELS))


@pytest.mark.parametrize("option", ["optimizer", "loss", "weight_init"])
def test_a_wrong_name_lists_the_legal_ones(option):
    with pytest.raises(UnknownName, match="legal: "):
        fit(network(), INPUTS, LABELS, **{option: "adamw"})


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x), x


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (Pair(), "no tensor.*tuple"),
        (nn.Unflatten(1, (2, 2)), "no parameters"),
        (nn.Sequential(nn.Linear(4, 4), nn.Unflatten(1, (2, 2))), "needs an output"),
        (nn.Linear(5, 2), r"cannot take these inputs.*\(4,\)"),
    ],
)
def test_networks_that_cannot_be_trained_are_refused(net, message):
    with pytest.raises(ModelError, match=message):
        fit(net, INPUTS, LABELS)


def test_a_loss_that_explodes_says_when_and_leaves_whole_weights():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    with pytest.raises(ModelError, match=r"became (nan|inf) in epoch \d+.*learning_rate 1e\+06.*ten times smaller"):
        fit(net, INPUTS * 100, VALUES, loss="mse", optimizer="sgd", learning_rate=1e6, epochs=50)
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())


class Interrupting(nn.Module):
    """Passes rows on until its count of training batches is reached; then someone presses Ctrl-C."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def forward(self, x):
        self.left -= self.training
        if self.left < 0:
            raise KeyboardInterrupt
        return x


@pytest.mark.parametrize("early_stopping", [None, 50])
def test_ctrl_c_leaves_the_weights_of_the_last_whole_or_best_epoch(early_stopping):
    def trained(after: int, epochs: int) -> tuple[nn.Module, bool]:
        net = nn.Sequential(Interrupting(after), *network())
        try:
            fit(net, INPUTS, LABELS, epochs=epochs, batch_size=50, validation=(INPUTS, LABELS), early_stopping=early_stopping)
        except KeyboardInterrupt:
            return net, True
        return net, False

    whole, stopped = trained(10**6, 3)  # its validation loss falls in every epoch, so that the last is the best
    assert not stopped
    broken, stopped = trained(3 * 4 + 2, 30)  # in the middle of the fourth epoch of four batches
    assert stopped
    assert state_bytes(broken) == state_bytes(whole)
    assert all(module.training for module in broken.modules())
    assert all(weight.grad is None for weight in broken.parameters())


def test_weight_initialization_by_name_leaves_normalization_alone():
    net = network()
    norm = copy.deepcopy(net[1].state_dict())
    initialize(net, "orthogonal")
    rows = net[0].weight.detach()
    torch.testing.assert_close(rows.T @ rows, torch.eye(4))
    assert not net[0].bias.any()
    assert all(torch.equal(net[1].state_dict()[name], value) for name, value in norm.items())
    with pytest.raises(UnknownName, match="legal: kaiming, normal, orthogonal, xavier, zeros"):
        initialize(net, "glorot")


def test_progress_goes_to_stderr_and_only_if_asked_for(capsys):
    fit(network(), INPUTS, LABELS, epochs=2)
    assert capsys.readouterr() == ("", "")
    fit(network(), INPUTS, LABELS, epochs=2, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err


def test_a_history_is_drawn_by_whoever_is_registered(monkeypatch):
    monkeypatch.setattr(renderers, "find", lambda act, kind: lambda history, **options: (act, kind, history, options))
    history = History({"train_loss": np.ones(2)}, 2, 2, stopped_early=False, seconds=0.1)
    assert history.plot(language="en") == ("plot", "history", history, {"language": "en"})
    assert "2 epochs" in repr(history)
