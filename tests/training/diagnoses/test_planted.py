"""Faults planted into short real trainings are found, sound trainings stay silent, and a run can be asked while it goes on."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from benchmarks.diagnoses_faults import FAULTS, Fault
from benchmarks.diagnoses_sound import KINDS_OF_SOUND
from benchmarks.diagnoses_trainings import SOUND, recorded, sound

import pellucid as pl
from pellucid.training.diagnoses.diagnose import diagnose
from training.recording.loops import mlp, rows

SEED = 7
STEPS = 80  # a fifth of the benchmark's
LATE = {"overfitting": 240}  # takes time to come about
STRENGTH = {"class_collapse": 2}  # at the middle strength four of five trainings collapse in so few steps


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.id}: {fault.what}")
def test_a_fault_is_found(fault: Fault):
    level = fault.levels[STRENGTH.get(fault.id, 1)]
    training = replace(fault.plant(SEED, level), steps=LATE.get(fault.id, STEPS))
    found = {finding.id: finding for finding in diagnose(recorded(training, SEED)[1.0])}
    assert fault.id in found
    finding = found[fault.id]
    assert not fault.layers(level) or finding.layer in fault.layers(level)
    assert 0 < finding.steps[0] <= finding.steps[1] <= training.steps
    assert not {"{", "None"} & set(finding.narrate().split())


@pytest.mark.parametrize("architecture", SOUND)
def test_a_sound_training_has_no_finding(architecture: str):
    training = replace(sound(architecture, SEED), steps=200)
    for evidence in recorded(training, SEED, (0.1, 0.3, 0.6, 1.0)).values():
        assert diagnose(evidence) == ()


@pytest.mark.parametrize("kind", ["frozen first layer", "density (negative loss)", "log-odds, labels as floats", "probability"])
def test_what_looks_like_a_fault_is_left_alone(kind: str):
    training = replace(KINDS_OF_SOUND[kind](SEED), steps=STEPS)
    for evidence in recorded(training, SEED, (0.5, 1.0)).values():
        assert diagnose(evidence) == ()


def test_nothing_is_said_of_a_training_that_has_not_begun():
    training = replace(sound("mlp", SEED), steps=1)
    assert diagnose(recorded(training, SEED)[1.0]) == ()


def test_a_run_is_asked_while_it_goes_on_and_as_it_was_before(tmp_path: Path):
    net, (inputs, labels) = mlp(), rows()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with pl.watch(net, optimizer, tmp_path, every=1) as run:
        for step in range(1, 7):
            loss = F.cross_entropy(net(inputs), labels) / (1.0 if step < 4 else 0.0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(loss=loss)
            if step == 3:
                assert pl.Run(tmp_path).diagnose() == ()
        while pl.Run(tmp_path).steps < 6:
            time.sleep(0.05)
        live = pl.Run(tmp_path)
        assert live.status == "recording"
        assert [finding.id for finding in live.diagnose()] == ["not_finite"]
    finding = pl.Run(tmp_path).diagnose()[0]
    assert dict(finding.numbers)["step"] == 4
    assert finding.layers
    assert pl.Run(tmp_path).diagnose(until=3) == ()
