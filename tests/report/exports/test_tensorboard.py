"""A run as TensorBoard's own reader sees it: every number, bucket, picture and fact, at its step and time."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.report.exports.rasters import SIDE
from training.recording.loops import convolutional, images, mlp, rows
from views.runs.test_run_views import recorded

accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed")
ALL = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0, "compressedHistograms": 0}
NETS = {"plane": (mlp, rows), "pictures": (convolutional, images)}


@pytest.fixture(scope="module", params=NETS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.Run, Any, Path]:
    net, data = NETS[request.param]
    run = recorded(tmp_path_factory.mktemp(request.param), net(), data())
    folder = run.export(tmp_path_factory.mktemp("board") / "one", format="tensorboard")
    return run, read(folder), folder


def read(folder: Path) -> Any:
    found = accumulators.EventAccumulator(str(folder), size_guidance=ALL)
    found.Reload()
    return found


def test_every_number_is_there_with_step_and_time(both: tuple[pl.Run, Any, Path]) -> None:
    run, board, _ = both
    assert set(board.Tags()["scalars"]) == set(run.names)
    for name in run.names:
        series, found = run.scalars(name), board.Scalars(name)
        assert [one.step for one in found] == series.steps.tolist()
        assert [one.wall_time for one in found] == series.times.tolist()
        np.testing.assert_array_equal([one.value for one in found], series.values.astype(np.float32))


def test_every_bucket_is_one_that_was_recorded(both: tuple[pl.Run, Any, Path]) -> None:
    run, board, _ = both
    expected: dict[str, list[tuple[int, float, Any, int]]] = {}
    for kind, of in (
        ("weights", "layers"), ("gradients", "layers"), ("updates", "layers"), ("spread", "activations"),
    ):  # fmt: skip
        frames = run.frames(of)
        for at, frame in enumerate(frames):
            spread = getattr(frame, kind)
            for place, name in enumerate(spread.names if spread is not None else ()):
                tag = f"{'activations' if kind == 'spread' else kind}/{name}"
                if spread.counts[place].sum():
                    expected.setdefault(tag, []).append((int(frames.steps[at]), float(frames.times[at]), spread, place))
    assert set(board.Tags()["histograms"]) == set(expected)
    assert len(expected) > 12
    single = 0
    for tag, told in expected.items():
        found = board.Histograms(tag)
        assert [(one.step, one.wall_time) for one in found] == [(step, at) for step, at, _, _ in told]
        for one, (_, _, spread, place) in zip(found, told, strict=True):
            value, counts = one.histogram_value, spread.counts[place]
            low, high = spread.quantiles[place, 0], spread.quantiles[place, -1]
            assert (value.min, value.max, value.num) == (low, high, counts.sum())
            if high > low:
                assert value.bucket == counts.tolist()
                np.testing.assert_allclose(value.bucket_limit, low + (high - low) * np.arange(1, 49) / 48, rtol=1e-12, atol=1e-15)
            else:
                single += 1
                assert (value.bucket, value.bucket_limit) == ([counts.sum()], [high])
            assert value.sum == pytest.approx(counts.sum() * spread.mean[place])
            assert value.sum_squares / value.num - (value.sum / value.num) ** 2 == pytest.approx(spread.std[place] ** 2, abs=1e-9)


def test_pictures_are_those_of_the_frames(both: tuple[pl.Run, Any, Path]) -> None:
    run, board, _ = both
    attributions = run.frames("attributions")
    explained = [int(row) for row in attributions[-1].rows]
    flat = attributions[-1].values.ndim == 2
    tags = ["boundary", "attributions"] if flat else [f"attributions/row {row}" for row in explained]
    assert sorted(board.Tags()["images"]) == sorted(tags)
    for tag in tags:
        frames = run.frames("boundary" if tag == "boundary" else "attributions")
        found = board.Images(tag)
        assert [(one.step, one.wall_time) for one in found] == list(zip(frames.steps.tolist(), frames.times.tolist(), strict=True))
        for one in found:
            picture = Image.open(io.BytesIO(one.encoded_image_string))
            assert picture.size == (one.width, one.height)
            assert min(picture.size) >= SIDE


def test_the_decision_is_in_the_picture(both: tuple[pl.Run, Any, Path]) -> None:
    run, board, _ = both
    if "boundary" not in run.kinds:
        assert not [tag for tag in board.Tags()["images"] if "boundary" in tag]
        return  # these rows lie in no plane
    frame = run.frames("boundary")[-1]
    pixels = np.array(Image.open(io.BytesIO(board.Images("boundary")[-1].encoded_image_string))).astype(int)
    times = pixels.shape[0] // len(frame.y)
    cells = pixels[::times, ::times][::-1]  # the first row of a frame is at the bottom
    warm = cells[..., 0] > cells[..., 2]
    sure = frame.confidence > 0.6
    assert sure.any()
    assert (warm == (frame.classes == 1))[sure].all()


def test_facts_are_hyper_parameters(both: tuple[pl.Run, Any, Path]) -> None:
    from tensorboard.plugins.hparams import plugin_data_pb2

    run, _, folder = both
    found = {}
    for event in accumulators.event_file_loader.LegacyEventFileLoader(str(next(folder.iterdir()))).Load():
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "hparams":
                found[value.tag] = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
    told = found["_hparams_/session_start_info"].session_start_info
    assert told.hparams["parameters"].number_value == run.facts["parameters"]
    assert told.hparams["optimizers"].string_value == "Adam"
    assert told.hparams["learning_rates"].number_value == 0.01
    assert told.start_time_secs == run.attempt.started
    metrics = [one.name.tag for one in found["_hparams_/experiment"].experiment.metric_infos]
    assert set(metrics) == set(run.names) - {"learning_rate"}
    assert found["_hparams_/session_end_info"].session_end_info.end_time_secs == run.attempt.ended


def test_the_graph_is_traced_on_a_copy(both: tuple[pl.Run, Any, Path], tmp_path: Path) -> None:
    run, _, _ = both
    net, data = (mlp(), rows()) if "boundary" in run.kinds else (convolutional(), images())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    board = read(run.export(tmp_path / "graph", format="tensorboard", net=net, inputs=data[0][:2]))
    operations = {node.op for node in board.Graph().node}
    assert "aten::linear" in operations
    assert net.training
    assert all((value == before[name]).all() for name, value in net.state_dict().items())
    with pytest.raises(pl.PellucidError, match="needs a network and rows"):
        run.export(tmp_path / "graph", format="tensorboard", net=net)
    with pytest.raises(pl.PellucidError, match="can not be traced"):
        run.export(tmp_path / "graph", format="tensorboard", net=nn.Linear(99, 2), inputs=data[0][:2])


def test_exporting_again_replaces_the_file(both: tuple[pl.Run, Any, Path]) -> None:
    run, board, folder = both
    run.export(folder, format="tensorboard")
    assert len(list(folder.iterdir())) == 1
    assert len(read(folder).Scalars("loss")) == len(board.Scalars("loss"))
