"""The three chapters of the demo: a digit, a patient, a photo. Each is a list of explanations and the sections that tell them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import nn

from pellucid.data.baselines import Blur
from pellucid.demo.cat_mask import cat_among_others
from pellucid.demo.efficientnet import efficientnet_lite0, imagenet_class_names
from pellucid.demo.efficientnet import preparation as photo_preparation
from pellucid.demo.networks import Trained, train_digits, train_patient
from pellucid.demo.words import WORDS, Language
from pellucid.explanation import Explanation
from pellucid.harness.explain import explain
from pellucid.harness.result import Depth
from pellucid.methods.attribution.gradcam import GradCAM
from pellucid.methods.attribution.integrated_gradients import IntegratedGradients
from pellucid.methods.attribution.occlusion import Occlusion
from pellucid.methods.attribution.random import Random
from pellucid.methods.attribution.smoothgrad import SmoothGrad
from pellucid.report import Finding, Section
from pellucid.report.sections import row_section, rows_section
from pellucid.scenes import Scene
from pellucid.scenes.numbers import percent
from pellucid.scenes.words import method_name
from pellucid.scenes.words import words as words_of
from pellucid.views import confusion, reliability, training_history, waterfall

SHOWN_DIGITS = 6
POINTING = 0.6  # share of the positive mass inside the cat that counts as pointing at it


@dataclass(frozen=True, eq=False)
class Chapter:
    """What one part of the demo found: explanations, the sections of the report, and lines for the terminal."""

    name: str
    explanations: tuple[Explanation, ...]
    sections: Callable[[Language], tuple[Section, ...]]
    lines: Callable[[Language], tuple[str, ...]] = lambda _: ()


def digits_chapter(*, seed: int = 0, progress: bool = False) -> Chapter:
    """Trains the CNN on handwritten digits and explains six test digits, the last one misclassified."""
    trained = train_digits(seed=seed, progress=progress)
    rows = _telling_rows(trained)
    inputs, labels = trained.split.test.inputs[rows].astype(np.float32), trained.split.test.labels[rows]
    names = trained.dataset.class_names
    why = partial(explain, trained.net, inputs, labels=labels, class_names=names, seed=seed, progress=progress)
    made = (why(IntegratedGradients()), why(Occlusion()))
    last = len(rows) - 1

    def sections(language: Language) -> tuple[Section, ...]:
        heading = WORDS[language]["mistake"].format(predicted=names[made[0].decision.predicted[last]], true=made[0].decision.truth[last])
        return (
            _quality_section(trained, "digits", language),
            *(rows_section(e, id=f"digits-{e.provenance.method}", language=language) for e in made),
            row_section(made[0], last, id="digits-mistake", language=language, heading=heading),
        )

    return Chapter("digits", (made[0], made[0][last]), sections, lambda language: (trained.evaluation.summary(language),))


def patient_chapter(*, seed: int = 0, progress: bool = False) -> Chapter:
    """Trains the MLP on breast masses and explains one patient in the data's own units."""
    trained = train_patient(seed=seed, progress=progress)
    test, names = trained.split.test, trained.dataset.class_names
    likely = trained.net(trained.inputs(test)).detach().softmax(1).numpy()[:, names.index("malignant")]
    likely = np.where(test.labels == names.index("malignant"), likely, 0)
    row = slice(at := int(np.abs(likely - 0.9).argmin()), at + 1)  # a case that is clear but not extreme
    why = partial(
        explain,
        trained.net,
        test.inputs[row],
        preparation=trained.preparation,
        background=trained.split.train.inputs,
        labels=test.labels[row],
        class_names=names,
        seed=seed,
        progress=progress,
        checks="full",
    )
    made = (why(IntegratedGradients()), why(Occlusion()))

    def sections(language: Language) -> tuple[Section, ...]:
        headings = [WORDS[language]["patient"].format(method=_method(e, language)) for e in made]
        first = row_section(made[0], 0, id="patient-ig", language=language, heading=headings[0], quality=trained.evaluation)
        first = dataclasses.replace(first, scenes=(first.scenes[0], waterfall(made[0], language=language), *first.scenes[1:]))
        second = row_section(made[1], 0, id="patient-occlusion", language=language, heading=headings[1])
        return _quality_section(trained, "patients", language), first, second

    return Chapter("patient", (made[0],), sections, lambda language: (trained.evaluation.summary(language),))


def photo_chapter(*, seed: int = 0, progress: bool = False) -> Chapter:
    """Explains "why tiger cat?" on the cat photo, and measures on a grid of photos whether the maps point at the cat."""
    from pellucid.data.datasets import photos

    net, names = efficientnet_lite0(), imagenet_class_names()
    why = partial(
        explain,
        net,
        photos()["chelsea"],
        target="tiger cat",
        class_names=names,
        preparation=photo_preparation(),
        seed=seed,
        progress=progress,
    )
    methods = (GradCAM(), Occlusion(window=32, stride=32), SmoothGrad(samples=16), IntegratedGradients(steps=24), Random())
    made = tuple(why(method) for method in methods)
    pointing = pointing_game(net, seed=seed, progress=progress)

    def sections(language: Language) -> tuple[Section, ...]:
        words = WORDS[language]
        whole = [
            row_section(e, 0, id=f"cat-{e.provenance.method}", language=language, heading=words["cat"].format(method=_method(e, language)))
            for e in made
        ]
        return (*whole, *(_pointing_section(pointing, e, language) for e in pointing.explanations))

    def lines(language: Language) -> tuple[str, ...]:
        verdicts = ", ".join(f"{_method(e, language)}: {words_of(language)[f'verdict.{e.verdict}']}" for e in made)
        return (f"{WORDS[language]['photo_verdicts']} {verdicts}", *(pointing.line(e, language) for e in pointing.explanations))

    return Chapter("photo", (made[0], pointing.explanations[0]), sections, lines)


@dataclass(frozen=True, eq=False)
class Pointing:
    """Explanations of the grid of photos, and the share of each one's positive mass that lies on the cat."""

    explanations: tuple[Explanation, ...]
    mask: np.ndarray

    def share(self, explanation: Explanation) -> float:
        """The share of the positive mass inside the mask; a coarse map counts by its own cells."""
        values = explanation.arrays[0].values[0]
        plane = values if values.ndim == 2 else values.sum(0)
        size = self.mask.shape[0]
        index = np.arange(size) * len(plane) // size
        positive = np.clip(plane[np.ix_(index, index)], 0, None)
        total = float(positive.sum())
        return float(positive[self.mask].sum()) / total if total > 0 else 0.0

    def line(self, explanation: Explanation, language: Language) -> str:
        """One sentence with the share, beside the cat's share of the picture."""
        share, chance = self.share(explanation), float(self.mask.mean())
        key = "points" if share >= POINTING else "misses"
        return WORDS[language][key].format(
            method=_method(explanation, language), share=percent(share, language, 2), chance=percent(chance, language, 2)
        )


def pointing_game(net: nn.Module, *, checks: Depth = "full", seed: int = 0, progress: bool = False) -> Pointing:
    """Grad-CAM, occlusion and the control on the grid of four photos (Böhle, Fritz and Schiele 2021), target "tiger cat"."""
    grid, mask = cat_among_others()
    prepare = dataclasses.replace(photo_preparation(), shorter_side=None)
    names = imagenet_class_names()
    why = partial(explain, net, grid, target="tiger cat", class_names=names, preparation=prepare, seed=seed, progress=progress)
    large = Occlusion(window=56, stride=28, baseline=Blur(12))
    made = (why(GradCAM(), checks=checks), why(large, checks=checks), why(Random(), checks="none" if checks == "none" else "fast"))
    return Pointing(made, prepare.apply_mask(mask))


def _pointing_section(pointing: Pointing, explanation: Explanation, language: Language) -> Section:
    heading = WORDS[language]["grid"].format(method=_method(explanation, language))
    one = row_section(explanation, 0, id=f"grid-{explanation.provenance.method}", language=language, heading=heading)
    return dataclasses.replace(one, findings=(Finding(pointing.line(explanation, language)), *one.findings), scenes=one.scenes[:2])


def _telling_rows(trained: Trained) -> list[int]:
    """Six test digits: the first of five different classes that are right, and the first mistake."""
    right = trained.evaluation.predicted == trained.split.test.labels
    first = [int(np.flatnonzero(right & (trained.split.test.labels == digit))[0]) for digit in range(SHOWN_DIGITS - 1)]
    return [*first, int(np.flatnonzero(~right)[0])]


def _quality_section(trained: Trained, key: str, language: Language) -> Section:
    words, evaluation = WORDS[language], trained.evaluation
    scenes: list[Scene] = [training_history(trained.history.curves, language=language)]
    if evaluation.confusion is not None:
        scenes.append(confusion(evaluation.confusion, evaluation.class_names, language=language))
    if evaluation.reliability is not None:
        scenes.append(reliability(evaluation.reliability, language=language))
    return Section(f"{key}-quality", words[f"{key}_quality"], (Finding(evaluation.summary(language)),), tuple(scenes))


def _method(explanation: Explanation, language: Language) -> str:
    return method_name(explanation.provenance.method, language)
