"""The two networks of the demo learn what they should, the same each time, and their control learns nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.demo import networks
from pellucid.demo.networks import digits_network, train_digits, train_patient
from pellucid.training.fit import fit


@pytest.fixture(scope="module")
def digits():
    return train_digits()


def test_the_digits_network_reads_97_percent(digits):
    accuracy = digits.evaluation.metrics["accuracy"]
    assert accuracy.value >= 0.97
    assert digits.evaluation.better_than_base_rate
    assert (digits.evaluation.predicted != digits.split.test.labels).any()  # one to explain that is wrong
    assert not digits.net.training


def test_inputs_of_a_part_are_what_the_evaluation_saw(digits):
    with torch.no_grad():
        predicted = digits.net(digits.inputs(digits.split.test)).argmax(1)
    np.testing.assert_array_equal(predicted, digits.evaluation.predicted)


def test_the_patient_network_is_fitted_on_training_rows_alone_and_learns():
    trained = train_patient()
    assert trained.evaluation.metrics["accuracy"].value >= 0.93
    assert trained.evaluation.class_names == ("malignant", "benign")
    np.testing.assert_allclose([column.mean for column in trained.preparation.columns], trained.split.train.inputs.mean(0), rtol=1e-9)
    assert trained.inputs(trained.split.test).shape == (143, 30)


def test_the_same_seed_trains_the_same_bytes_and_leaves_the_random_state():
    state = torch.get_rng_state()
    first, second, other = (train_patient(seed=seed).net.state_dict() for seed in (4, 4, 5))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("seed", range(4))
def test_a_patient_network_trained_on_random_labels_is_called_no_better_than_guessing(seed):
    evaluation = train_patient(seed=seed, random_labels=True).evaluation
    assert not evaluation.better_than_base_rate
    assert "no better than guessing" in evaluation.summary()


def test_training_takes_one_thread_and_gives_the_others_back(monkeypatch):
    seen = []

    def noting(*given, **options):
        seen.append(torch.get_num_threads())
        return fit(*given, **options)

    monkeypatch.setattr(networks, "fit", noting)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        train_patient()
        assert (seen, torch.get_num_threads()) == ([1], 3)
    finally:
        torch.set_num_threads(before)


def test_an_untrained_network_depends_on_its_seed_alone():
    first, second, other = (digits_network(seed).stem.weight for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
