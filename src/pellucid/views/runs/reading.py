"""What the pictures of a training share: its title, frames chosen from many, layers at even depths, axes of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import UnknownName
from pellucid.scenes import Axis, Panel, Scene
from pellucid.scenes.ticks import round_ticks, tick_texts
from pellucid.scenes.words import Language, joined, words

if TYPE_CHECKING:
    from pellucid.training.runs.answers import Frames
    from pellucid.training.runs.run import Run


def framed(
    run: Run, panels: tuple[Panel, ...], language: Language, *, title: str = "", columns: int = 1, notes: tuple[str, ...] = ()
) -> Scene:
    """A scene of a training."""
    say = words(language)
    status = run.status.partition(":")[0]
    about = say["run.title"].format(model=run.facts.get("model", ""), steps=f"{run.steps:,}")
    return Scene(
        title or about,
        panels,
        joined([about, title, *(panel.summary for panel in panels)], language),
        subtitle=joined([about if title else "", say.get(f"run.{status}", status)], language),
        columns=columns,
        notes=notes,
        code=f"import pellucid as pl\n\npl.Run({str(run.folder)!r}, attempt={run.number}).plot()",
        language=language,
    )


def evenly(count: int, most: int) -> list[int]:
    """At most so many places out of ``count``, at even distances, both ends among them."""
    return sorted({round(at) for at in np.linspace(0, count - 1, min(most, count))}) if count else []


def chosen_frames(frames: Frames, most: int, *, early: bool = False) -> list[int]:
    """Frames at even steps, the first and the last among them; with ``early`` the closer together, the earlier: most happens then."""
    if len(frames) <= most:
        return list(range(len(frames)))
    places = np.linspace(0.0, 1.0, most) ** (2 if early else 1)
    wanted = frames.steps[0] + (frames.steps[-1] - frames.steps[0]) * places
    return sorted({int(np.abs(frames.steps - at).argmin()) for at in wanted})


def read(frames: Frames, most: int, *, early: bool = False) -> tuple[np.ndarray, list[Any]]:
    """The steps of at most so many frames, and these, see :func:`chosen_frames`."""
    found = list(frames.read(chosen_frames(frames, most, early=early)))
    return frames.steps[[place for place, _ in found]], [frame for _, frame in found]


def chosen_layers(names: Sequence[str], layer: str | None, most: int) -> list[str]:
    """Layers at even depths, or those whose name is ``layer`` or begins with it.

    Raises:
        UnknownName: there is none.
    """
    if layer is not None:
        found = [name for name in names if name == layer or name.startswith((f"{layer}.", f"{layer} "))]
        if not found:
            raise UnknownName("layer", layer, names)
        return found[:most]
    return [names[at] for at in evenly(len(names), most)]


def frame_axis(steps: np.ndarray, language: Language, *, count: int = 6) -> Axis:
    """An axis on which each frame takes the same room, its steps written below some of them."""
    places = evenly(len(steps), count)
    labels = tuple(f"{int(steps[at]):,}" for at in places)
    return Axis(words(language)["run.step"], frame_ends(len(steps)), tuple(at + 1.0 for at in places), labels)


def frame_ends(count: int) -> tuple[float, float]:
    """Where an axis begins and ends on which frames, or layers, stand at 1, 2, ...: at zero a line would be drawn."""
    return 0.5, count + 0.5


def step_axis(low: float, high: float, language: Language) -> Axis:
    """A linear axis of steps."""
    domain = (low, high if high > low else low + 1.0)
    ticks = tuple(tick for tick in round_ticks(domain, 5) if tick == int(tick))
    return Axis(words(language)["run.step"], domain, ticks, tuple(f"{int(tick):,}" for tick in ticks) if ticks else tick_texts(ticks))


def some(shown: int, count: int, kind: str, language: Language) -> str:
    """That not all are shown, "" where they are."""
    return words(language)[f"run.{kind}.some"].format(shown=shown, count=count) if shown < count else ""
