"""What is known of a run, as TensorBoard's plugin of hyper-parameters takes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pellucid.report.exports.tensorboard_protocol import event, protocol, value

if TYPE_CHECKING:
    from pellucid.training.runs.run import Run

FACTS = ("model", "parameters", "trained", "device", "optimizers", "learning_rates", "pinned", "attribution", "budget", "every")


def fact_events(run: Run) -> Iterator[Any]:
    """Facts as hyper-parameters, the numbers told as their measures, and how the training ended once it has."""
    api, sessions, metadata, attempt = protocol("hparams"), protocol("sessions"), protocol("metadata"), run.attempt
    known = {name: found for name in FACTS if (found := _plain(run.facts.get(name))) is not None}
    experiment = api.Experiment(
        time_created_secs=attempt.started,
        hparam_infos=[
            api.HParamInfo(name=name, type=api.DATA_TYPE_STRING if isinstance(found, str) else api.DATA_TYPE_FLOAT64)
            for name, found in known.items()
        ],
        metric_infos=[api.MetricInfo(name=api.MetricName(tag=name)) for name in run.names if name != "learning_rate"],
    )
    started = sessions.SessionStartInfo(start_time_secs=attempt.started)
    for name, found in known.items():
        setattr(started.hparams[name], "string_value" if isinstance(found, str) else "number_value", found)
    data = sessions.HParamsPluginData
    yield _fact(metadata.EXPERIMENT_TAG, data(experiment=experiment), attempt.started)
    yield _fact(metadata.SESSION_START_INFO_TAG, data(session_start_info=started), attempt.started)
    if attempt.ended is not None:
        how = api.STATUS_SUCCESS if attempt.how in ("finished", "stopped") else api.STATUS_FAILURE
        ended = sessions.SessionEndInfo(status=how, end_time_secs=attempt.ended)
        yield _fact(metadata.SESSION_END_INFO_TAG, data(session_end_info=ended), attempt.ended)


def _fact(tag: str, content: Any, at: float) -> Any:  # noqa: ANN401
    metadata = protocol("metadata")
    return event(at, value(tag, metadata=metadata.create_summary_metadata(content), tensor=metadata.NULL_TENSOR))


def _plain(fact: Any) -> str | float | None:  # noqa: ANN401
    """A fact as a hyper-parameter: a list of one as what it holds, others as text."""
    if isinstance(fact, list):
        return _plain(fact[0]) if len(fact) == 1 else ", ".join(map(str, fact)) or None
    return fact if isinstance(fact, str) else None if fact is None else float(fact)
