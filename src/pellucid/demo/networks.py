"""Two small networks that are trained here in seconds on real data: handwritten digits and breast masses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.data import datasets
from pellucid.data.datasets import Dataset, Part, Split
from pellucid.data.table import TablePreparation
from pellucid.training.evaluate import Evaluation, evaluate
from pellucid.training.fit import fit
from pellucid.training.history import History


class DigitsNetwork(nn.Module):
    """A small residual CNN: (sample, 1, 8, 8) in 0..1 to ten logits; 19,178 parameters.

    Its ReLUs are function calls and one layer's output is added to its input, which tools that hook modules do not see.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.wide = nn.Conv2d(16, 32, 3, padding=1)
        self.deep = nn.Conv2d(32, 32, 3, padding=1)
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(32 * 4 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (sample, digit)."""
        x = F.relu(self.stem(x))
        x = F.max_pool2d(F.relu(self.wide(x)), 2)
        x = x + F.relu(self.deep(x))
        return self.classifier(self.dropout(x.flatten(1)))


class PatientNetwork(nn.Module):
    """An MLP 30-32-16-2: standardized features (sample, 30) to the logits of malignant and benign."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(30, 32)
        self.second = nn.Linear(32, 16)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (sample, class)."""
        x = F.relu(self.first(x))
        return self.classifier(self.dropout(F.relu(self.second(x))))


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network and all that explaining it needs.

    Attributes:
        net: in eval mode.
        preparation: fitted on the training rows; ``None`` where the data are network inputs as they are.
        split: rows in the data set's own units.
        evaluation: on the test rows.
    """

    net: nn.Module
    dataset: Dataset
    split: Split
    preparation: TablePreparation | None
    history: History
    evaluation: Evaluation

    def inputs(self, part: Part) -> Tensor:
        """The network's input, float32 (sample, ...), of rows in the data set's units."""
        return _prepared(self.preparation, part)


def digits_network(seed: int = 0) -> DigitsNetwork:
    """The untrained CNN; its weights depend on the seed alone, and the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return DigitsNetwork()


def patient_network(seed: int = 0) -> PatientNetwork:
    """The untrained MLP; its weights depend on the seed alone, and the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return PatientNetwork()


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch: another number sums in another order and ends with other weights, and gains nothing on networks this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def train_digits(*, seed: int = 0, progress: bool = False, random_labels: bool = False) -> Trained:
    """Trains the CNN on 60 % of the 1,797 digits, stops on 15 %, measures on 25 %; about 3 seconds.

    Args:
        seed: of split, weights and training; the same seed, the same weights.
        progress: a bar on stderr.
        random_labels: the control: deal the labels of the training rows out at random and learn them by heart, so that nothing learned
            holds for other rows. (Stopped early it would be a nearly random function, whose few coarse answers hit a class by luck.)
    """
    return _train(digits_network(seed), datasets.digits(), None, seed=seed, progress=progress, random_labels=random_labels)


def train_patient(*, seed: int = 0, progress: bool = False, random_labels: bool = False) -> Trained:
    """Trains the MLP on 60 % of the 569 breast masses, stops on 15 %, measures on 25 %; about a second.

    Arguments as :func:`train_digits`.
    """
    dataset = datasets.breast_cancer()
    preparation = TablePreparation.fit(dataset.split(seed=seed).train.inputs, names=dataset.feature_names)
    return _train(patient_network(seed), dataset, preparation, seed=seed, progress=progress, random_labels=random_labels)


def _train(
    net: nn.Module, dataset: Dataset, preparation: TablePreparation | None, *, seed: int, progress: bool, random_labels: bool
) -> Trained:
    split = dataset.split(seed=seed)
    labels = [split.train.labels, split.validation.labels]
    if random_labels:
        labels = [np.random.default_rng(seed).permutation(part) for part in labels]
    with one_thread():
        history = fit(
            net,
            _prepared(preparation, split.train),
            labels[0],
            validation=(_prepared(preparation, split.validation), labels[1]),
            learning_rate=2e-3,
            epochs=40 if random_labels else 80,
            batch_size=32,
            weight_init="kaiming",
            early_stopping=None if random_labels else 10,
            seed=seed,
            progress=progress,
        )
    evaluation = evaluate(net, _prepared(preparation, split.test), split.test.labels, class_names=dataset.class_names)
    return Trained(net.eval(), dataset, split, preparation, history, evaluation)


def _prepared(preparation: TablePreparation | None, part: Part) -> Tensor:
    rows = part.inputs.astype(np.float32) if preparation is None else preparation.apply(part.inputs)
    return torch.from_numpy(rows)
