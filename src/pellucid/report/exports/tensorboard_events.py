"""A run as an event file of TensorBoard, made of the records that TensorBoard's own package defines."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import FileError, InputError, ModelError
from pellucid.explanation.frame import write_whole
from pellucid.report.exports.rasters import Picture, attribution_pictures, boundary_pictures
from pellucid.report.exports.tensorboard_facts import fact_events
from pellucid.report.exports.tensorboard_protocol import event, protocol, value
from pellucid.views.runs.reading import chosen_frames

if TYPE_CHECKING:
    from pellucid.training.runs.contents import Spread
    from pellucid.training.runs.run import Run

HISTOGRAMS = 500  # frames that become histograms, as many as TensorBoard shows; of more those at even steps


def write_events(run: Run, folder: Path, *, net: Any = None, inputs: Any = None) -> Path:  # noqa: ANN401
    """Writes one event file into a folder: numbers, histograms, pictures, facts as hyper-parameters; steps and times are those of the run.

    Args:
        run: the training. ``folder``: made if there is none; exporting again replaces the file.
        net, inputs: give them to have the graph of the network too, traced on a copy in eval mode.

    Raises:
        MissingExtra: tensorboard is not installed.
        FileError: the folder can not be made.
        InputError: a network without inputs. ModelError: it can not be traced.
    """
    if (net is None) != (inputs is None):
        received = "inputs without net" if net is None else "net without inputs"
        raise InputError("A graph needs a network and rows to run it on", received=received, remedy="net=net, inputs=x[:2], or neither")
    graph = [] if net is None else [_graph(net, inputs, run.attempt.started)]
    made = _records(chain(_events(run), graph))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            "The folder can not be made", received=f"{folder} ({error})", remedy="choose a place that can be written"
        ) from error
    write_whole(folder / f"events.out.tfevents.{int(run.attempt.started):010d}.pellucid.{run.number}", made)
    return folder


def _events(run: Run) -> Iterator[Any]:
    """All events: TensorBoard reads those of each tag in the order of the file."""
    yield protocol("event").Event(wall_time=run.attempt.started, file_version="brain.Event:2")
    yield from fact_events(run)
    yield from _numbers(run)
    yield from _spreads(run)
    yield from map(_picture, boundary_pictures(run))
    yield from map(_picture, attribution_pictures(run))


def _numbers(run: Run) -> Iterator[Any]:
    """Every number told; TensorBoard keeps it in single precision."""
    for name, series in run.all_scalars().items():
        for step, at, told in zip(series.steps.tolist(), series.times.tolist(), series.values.tolist(), strict=True):
            yield event(at, value(name, simple_value=told), step=step)


def _spreads(run: Run) -> Iterator[Any]:
    """Histograms of weights, gradients, updates and activations."""
    frames = run.frames("layers")
    for at, frame in frames.read(chosen_frames(frames, HISTOGRAMS)):
        found = {"weights": frame.weights, "gradients": frame.gradients, "updates": frame.updates}
        yield event(float(frames.times[at]), *_histograms(found), step=int(frames.steps[at]))
    frames = run.frames("activations")
    for at, frame in frames.read(chosen_frames(frames, HISTOGRAMS)):
        yield event(float(frames.times[at]), *_histograms({"activations": frame.spread}), step=int(frames.steps[at]))


def _histograms(spreads: dict[str, Spread | None]) -> Iterator[Any]:
    """The histograms of a frame; of tensors without a finite value there is none."""
    for kind, spread in spreads.items():
        for place, name in enumerate(() if spread is None else spread.names):
            if spread is not None and spread.counts[place].sum():
                yield value(f"{kind}/{name}", histo=_histogram(spread, place))


def _histogram(spread: Spread, place: int) -> Any:  # noqa: ANN401
    """The recorded bins as they are: equal ones from the smallest to the largest value; a single one where all values are the same."""
    low, high = float(spread.quantiles[place, 0]), float(spread.quantiles[place, -1])
    counts = spread.counts[place].astype(float)
    total, mean, std = float(counts.sum()), float(spread.mean[place]), float(spread.std[place])
    edges = np.linspace(low, high, len(counts) + 1)[1:]
    if high <= low:
        edges, counts = np.array([high]), np.array([total])
    return protocol("summary").HistogramProto(
        min=low,
        max=high,
        num=total,
        sum=total * mean,
        sum_squares=total * (std**2 + mean**2),
        bucket_limit=edges.tolist(),
        bucket=counts.tolist(),
    )


def _picture(picture: Picture) -> Any:  # noqa: ANN401
    height, width = picture.pixels.shape[:2]
    image = protocol("summary").Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=picture.png())
    return event(picture.time, value(picture.tag, image=image), step=picture.step)


def _graph(net: Any, inputs: Any, at: float) -> Any:  # noqa: ANN401
    """The operations of a network, traced by torch on a copy."""
    traced = import_module("torch.utils.tensorboard._pytorch_graph").graph
    try:
        made, _ = traced(copy.deepcopy(net).eval(), inputs)
    except Exception as error:  # whatever the network or the tracing raises
        received = f"{type(net).__name__}; {str(error).splitlines()[0][:160]}"
        raise ModelError("The network can not be traced", received=received, remedy="leave net out; all else is exported") from error
    return protocol("event").Event(wall_time=at, graph_def=made.SerializeToString())


def _records(events: Iterable[Any]) -> bytes:
    made = io.BytesIO()
    writer = protocol("records").RecordWriter(made)
    for one in events:
        writer.write(one.SerializeToString())
    return made.getvalue()
