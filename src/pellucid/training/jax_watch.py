"""watch() for training loops of JAX, whose parameters are new arrays after every step."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import numpy as np

from pellucid.errors import InputError, MissingExtra
from pellucid.training.recording.mirror import UNPINNED, Host, Mirror, MirrorControls, Standing
from pellucid.training.watch import begun


class JaxWatch:
    """Records a training loop of JAX (Flax, Optax, Equinox, or plain functions) into a folder.

    ::

        with pl.JaxWatch(apply, params, "runs/first", data=(x[:64], y[:64])) as run:
            for batch, labels in loader:
                loss, gradients = value_and_gradient(params, batch, labels)
                updates, state = optimizer.update(gradients, state)
                params = optax.apply_updates(params, updates)
                run.step(params, gradients, loss=loss)

    ``pl.Run("runs/first")`` reads while it goes on and afterwards. Weights, gradients and updates are recorded by their paths in the tree
    of parameters. Predictions, attributions and what layers give are those of the rows of ``data``, as ``apply(params, rows)`` has them for
    the parameters of the step: the network is read anew for each such frame. Without ``data`` they are not seen.

    ``apply`` should be that of evaluation, without dropout and with kept statistics: what is recorded is called so.

    Args:
        apply: ``apply(params, rows)``, or a linen module, whose ``apply`` it is.
        params: any tree of arrays. ``folder``: of the run.
        data, attribution, budget, every: as for :func:`pellucid.watch`.

    Raises:
        MissingExtra: JAX is not installed. InputError: there are no parameters with fractions.

    What it does not show: steps inside a compiled loop (``jax.lax.scan``) that are not told.
    """

    def __init__(
        self,
        apply: Any,  # noqa: ANN401
        params: Any,  # noqa: ANN401
        folder: str | os.PathLike[str],
        *,
        data: Any = None,  # noqa: ANN401
        attribution: Any = "integrated_gradients",  # noqa: ANN401
        budget: float = 0.02,
        every: int | None = None,
    ) -> None:
        self._leaves = _reader()
        self._apply, self._params = apply, params
        values = self._leaves(params)
        if not values:
            raise InputError("There are no parameters with fractions", received=type(params).__name__, remedy="give the tree of parameters")
        self._mirror, self._shapes = Mirror(values), {path: np.shape(value) for path, value in values.items()}
        self._standing = Standing(self._mirror, 0.0, lambda: self._leaves(self._params))
        self._standing.param_groups[0].pop("lr")  # is told with a step, or is not known
        host = Host(lambda: (self._apply, self._params), _name(apply), "JAX")
        self._recorder = begun(
            self._mirror, [self._standing], folder, host=host, data=data, attribution=attribution, budget=budget, every=every
        )
        controls = MirrorControls(self._mirror, (self._standing,), self._recorder.folder)
        controls.place = "in a training loop of JAX"
        self._recorder.steered_by(controls)
        if data is None:
            self._recorder.leave_out("activations", UNPINNED)
        self._fresh = True  # whether the mirror holds the weights from before the coming step

    def step(self, params: Any, gradients: Any = None, *, learning_rate: float | None = None, **numbers: Any) -> None:  # noqa: ANN401
        """One step is done.

        Args:
            params: after it. ``gradients``: a tree of the same structure; None where they are not at hand.
            learning_rate: of this step, where it is known.
            numbers: ``loss`` and other numbers by name; ``rows`` as for :meth:`Recorder.step`.

        Raises:
            InputError: the tree is another one.
        """
        self._params = params
        if self._recorder.looking and self._fresh:
            self._mirror.differentiated({} if gradients is None else self._leaves(gradients))
            self._check(params)
            self._standing.step()
        if learning_rate is not None:
            self._standing.param_groups[0]["lr"] = float(learning_rate)
        self._recorder.step(**{name: value if name == "rows" else float(value) for name, value in numbers.items()})
        self._fresh = self._recorder.looking
        if self._fresh:  # now: the next step may be made in the memory of these arrays
            self._mirror.sync(self._leaves(params))

    def _check(self, params: Any) -> None:  # noqa: ANN401
        given = self._leaves(params)
        if {path: np.shape(value) for path, value in given.items()} != self._shapes:
            raise InputError(
                "These are other parameters", received=", ".join(list(given)[:4]), remedy="give those of the first call, trained"
            )

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """All else is the recorder's: ``log``, ``note``, ``checkpoint``, ``cost``, ``close`` ..."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._recorder, name)

    def __enter__(self) -> JaxWatch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        return self._recorder.__exit__(kind, error, trace)


def _reader() -> Callable[[Any], Mapping[str, Any]]:
    """What gives the arrays with fractions of a tree by dotted path."""
    try:
        import jax

        from pellucid.models.jax_model import path_of
    except ImportError as error:
        raise MissingExtra("jax", "jax") from error

    def leaves(tree: Any) -> dict[str, Any]:  # noqa: ANN401
        found = jax.tree_util.tree_flatten_with_path(tree)[0]
        return {
            path_of(path) or "parameters": leaf
            for path, leaf in found
            if hasattr(leaf, "dtype") and jax.numpy.issubdtype(leaf.dtype, np.floating)
        }

    return leaves


def _name(apply: Any) -> str:  # noqa: ANN401
    owner = getattr(apply, "__self__", apply)
    return getattr(owner, "__name__", None) or type(owner).__name__
