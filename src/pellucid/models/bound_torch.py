"""A torch network opened for the rows being explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import torch
from torch import Tensor, nn

from pellucid.errors import CapabilityError, InputError, LayerError, ModelError, PellucidError, UnknownName
from pellucid.explanation.spec import InputSpec
from pellucid.models.embeddings import Entry, embed, find_entries, replaced
from pellucid.models.final_activation import FinalActivation
from pellucid.models.inputs import RowInputs
from pellucid.models.layer_shapes import layer_shapes
from pellucid.models.memory import out_of_memory
from pellucid.models.outputs import count_parts, main_output, one_row_each
from pellucid.models.protocol import LayerGradient, LayerShape, Ruled, Score
from pellucid.models.ruled_pass import RuledOutputs, outputs_under, under
from pellucid.models.tail import Tail
from pellucid.models.tuned import Tuned

if TYPE_CHECKING:
    from pellucid.models.rules.interceptor import Rules
    from pellucid.models.torch_model import TorchModel

_HALF = (torch.float16, torch.bfloat16)
_BLACK_BOX = "use a black-box method such as 'occlusion'"

_ENDS_IN_PROBABILITIES: WeakSet[nn.Module] = WeakSet()  # networks seen to end in a softmax or sigmoid: watched from the start


class BoundTorch:
    """A shadow network bound to the rows being explained; see :class:`pellucid.models.protocol.BoundModel`.

    ``ends_in`` is ``"Softmax"`` or ``"Sigmoid"`` once a forward pass was seen to end in one.
    """

    def __init__(self, net: nn.Module, model: TorchModel, inputs: RowInputs) -> None:
        self.net, self.model, self.keywords = net, model, inputs.keywords
        if inputs.frame is not None and inputs.frame.categorical:
            raise InputError(
                "A torch network takes numbers, and this table has categories",
                received=f"columns {', '.join(inputs.frame.columns[i] for i in inputs.frame.categorical)}",
                remedy="give preparation=pl.TablePreparation.fit(training_table), the one the network was trained with",
            )
        self.fixed = tuple(self._fit(t, s, cast=inputs.cast) for t, s in zip(inputs.tensors, inputs.specs, strict=True))
        self.guesses: tuple[str, ...] = ()
        self.evaluated = 0
        self.ends_in = ""
        self._watch_end = True
        integers = {i: t[:1].clone() for i, t in enumerate(self.fixed) if t.dtype in (torch.int64, torch.int32)}
        floats = [i for i, t in enumerate(self.fixed) if t.is_floating_point()]
        self._entries = self._find_entries(integers) if integers else {}
        embedded = {i: embed(entries, self.fixed[i]) for i, entries in self._entries.items()}
        self.slots = tuple(sorted((*floats, *embedded)))
        if not self.slots:
            raise _nothing_to_vary(inputs, self.fixed)
        wide = {i: embedded.get(i, self.fixed[i]) for i in self.slots}
        # paths and noise are formed in float32 where the network itself is half precision
        self.values = tuple(t.float() if t.dtype in _HALF else t for t in wide.values())
        self.narrow = tuple(t.dtype for t in wide.values())
        self.embedded = tuple(i in embedded for i in self.slots)
        self.specs: tuple[InputSpec, ...] = tuple(inputs.specs[i] for i in self.slots)
        self.guesses += tuple(
            f"{spec.name}: {str(t.dtype).removeprefix('torch.')} values that feed no nn.Embedding are held fixed"
            for i, (spec, t) in enumerate(zip(inputs.specs, self.fixed, strict=True))
            if i not in self.slots and len(self.fixed) > 1
        )
        self._tuned = Tuned(self)

    def _fit(self, tensor: Tensor, spec: InputSpec, *, cast: bool) -> Tensor:
        """The tensor on the model's device and in its dtype; plain data are moved, a torch tensor of another device or dtype refused."""
        device, dtype = self.model.torch_device, self.model.torch_dtype
        if cast:
            tensor = tensor.to(device)
        elif tensor.device != device:
            raise InputError(
                f"{spec.name} and the model are on different devices",
                received=f"{tensor.device} and {device}",
                remedy=f"x.to({str(device)!r})",
            )
        if not tensor.is_floating_point() or dtype is None or tensor.dtype == dtype:
            return tensor
        if cast or (tensor.dtype == torch.float32 and dtype in _HALF):
            return tensor.to(dtype)
        if self.model.mixed_dtypes:
            return tensor
        wanted = str(dtype).removeprefix("torch.")
        raise InputError(
            f"{spec.name} and the model have different dtypes", received=f"{tensor.dtype} and {dtype}", remedy=f"x.to(torch.{wanted})"
        )

    # ---- tokens ------------------------------------------------------------------------------------------------------------

    def _find_entries(self, integers: dict[int, Tensor]) -> dict[int, tuple[Entry, ...]]:
        """Where the integer inputs are embedded, found with the first row; and whether they act in another way too."""
        first = [integers.get(i, t[:1]).clone() if i not in integers else integers[i] for i, t in enumerate(self.fixed)]
        found = find_entries(self.net, integers, lambda: self._call(first))
        for i, entries in found.items():
            self.guesses += (f"input {i + 1}: integer tokens are explained at the output of the embedding they feed",)
            if self._acts_elsewhere(i, entries):
                self.guesses += (
                    f"input {i + 1}: the tokens also act in another way than through nn.Embedding (a mask, say), which is held fixed",
                )
        return found

    def _acts_elsewhere(self, slot: int, entries: tuple[Entry, ...]) -> bool:
        """Whether the output changes with the tokens while their embedding stays."""
        tokens = self.fixed[slot][:1]
        others = (tokens, tokens.roll(1, -1), torch.zeros_like(tokens))
        outputs: list[Tensor] = []
        for given in others:
            full = [given.clone() if i == slot else t[:1].clone() for i, t in enumerate(self.fixed)]
            try:
                with replaced(entries, embed(entries, tokens)):
                    outputs.append(main_output(self._call(full), self.model.spec.select))
            except PellucidError:
                return True
        here = outputs[0]
        return any(o.shape != here.shape or not torch.allclose(o, here, rtol=1e-3, atol=1e-5, equal_nan=True) for o in outputs[1:])

    # ---- evaluations -------------------------------------------------------------------------------------------------------

    def outputs(self, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        """The main output (batch, ...), without gradient."""
        with torch.no_grad():
            return self._tuned.forward(tuple(batch), rows)

    def _plain(self, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        """The same by the network as it is, layer by layer, for those who look at layers on the way."""
        with torch.no_grad():
            return self.forward(tuple(batch), rows)

    def expect(self, rows: int) -> None:
        """So many rows are about to be evaluated."""
        self._tuned.expect(rows)

    def gradients(self, batch: tuple[Tensor, ...], rows: Tensor, score: Score) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Scores (batch,) and their gradients with respect to each tensor of the batch."""
        with torch.enable_grad():
            leaves = tuple(t.detach().requires_grad_() for t in batch)
            scores = score(self._tuned.forward(tuple(leaf.clone() for leaf in leaves), rows), rows)
            if not scores.requires_grad:
                raise self._no_gradient("the score")
            found = self._backward(scores, leaves)
        for i, gradient in enumerate(found):
            if gradient is None and self._matters(i, leaves, rows, scores, score):
                raise self._no_gradient(f"the way from {self.specs[i].name} to the score")
        gradients = tuple(torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True))
        return scores.detach(), gradients

    def layer_gradients(
        self, batch: tuple[Tensor, ...], rows: Tensor, score: Score, *, layers: tuple[str, ...]
    ) -> tuple[LayerGradient, ...]:
        """Forward to the end, backward to the earliest of ``layers`` and no further: what comes before them runs without gradient.

        Of a layer that is called several times the last call counts.
        """

        def cut(output: Tensor) -> Tensor:
            torch.set_grad_enabled(True)  # from here on; the context around the call restores it
            return output if output.requires_grad else output.detach().requires_grad_()

        with self._watched(layers, cut) as kept, torch.no_grad():
            outputs = self.forward(tuple(batch), rows)
            torch.set_grad_enabled(True)
            scores = score(outputs, rows)
            for name in layers:
                if name not in kept or not scores.requires_grad:
                    raise LayerError(
                        "The score does not depend on this layer in a way that torch can differentiate",
                        received=name,
                        remedy="choose a layer whose returned output the forward pass uses",
                    )
            found = self._backward(scores, tuple(kept[name] for name in layers))
        return tuple(
            LayerGradient(scores.detach(), own.detach(), torch.zeros_like(own) if gradient is None else gradient)
            for own, gradient in zip((_row_each(kept, name, len(rows)) for name in layers), found, strict=True)
        )

    def layer_outputs(self, batch: tuple[Tensor, ...], rows: Tensor, *, layers: tuple[str, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The main output and the outputs of these layers (of the last call of each), without gradient."""
        with self._watched(layers, Tensor.clone) as kept:
            outputs = self._plain(batch, rows)
        for name in layers:
            if name not in kept:
                raise LayerError("The forward pass does not call this layer", received=name, remedy="choose a layer that it uses")
        found = (_row_each(kept, name, len(rows)) for name in layers)
        return outputs, tuple(one.dequantize() if one.is_quantized else one for one in found)

    def gradients_through(
        self, batch: tuple[Tensor, ...], rows: Tensor, score: Score, *, layer: str, keep: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, ...]:
        """Gradients with respect to the batch of what passes through a layer; ``keep`` chooses from the gradient at the layer's output.

        One forward and one backward pass in two parts. What goes past the layer is left out.
        """
        with torch.enable_grad(), self._watched((layer,), lambda output: output) as kept:
            leaves = tuple(t.detach().requires_grad_() for t in batch)
            scores = score(self.forward(tuple(leaf.clone() for leaf in leaves), rows), rows)
            if layer not in kept or not kept[layer].requires_grad:
                remedy = "choose a layer that lies between the input and the score"
                raise LayerError("No gradient passes through this layer", received=layer, remedy=remedy)
            own = _row_each(kept, layer, len(rows))
            above = self.backward(scores, (own,), again=True)[0]
            return self.backward(own, leaves, keep(above))

    def tail(self, layer: str) -> Tail:
        """What lies above a layer, to be run again with other outputs of it."""
        return Tail(self.net, self._layer(layer), self._plain, name=layer)

    def under(self, rules: Rules, batch: tuple[Tensor, ...], rows: Tensor, score: Score) -> Ruled:
        """A forward pass with every operation, the score's included, given to a rule set; and its backward."""
        return under(self, rules, batch, rows, score)

    def outputs_under(self, rules: Rules, batch: tuple[Tensor, ...], rows: Tensor) -> RuledOutputs:
        """The main output with every operation given to a rule set, from which one can go back many times."""
        return outputs_under(self, rules, batch, rows)

    @contextmanager
    def looking_at(self, layer: str, look: Callable[[Tensor], None]) -> Iterator[None]:
        """Hands each tensor that a layer returns to ``look``, before the network goes on with it."""

        def hook(_module: nn.Module, _arguments: Any, output: Any) -> None:  # noqa: ANN401
            if not isinstance(output, Tensor):
                received = f"{layer}: {type(output).__name__}"
                raise LayerError("This layer returns no single tensor", received=received, remedy="choose another layer")
            look(output)

        handle = self._layer(layer).register_forward_hook(hook)
        try:
            with self._tuned.held_back():
                yield
        finally:
            handle.remove()

    @property
    def alone(self) -> bool:
        """Whether the output depends on the varied values only: nothing else goes in that follows the row."""
        return len(self.slots) == len(self.fixed) and not self._entries

    def module_names(self) -> dict[int, str]:
        """The names of the network's modules by their ``id``."""
        return {id(module): name for name, module in self.net.named_modules()}

    def layer_shapes(self) -> dict[str, LayerShape]:
        """The output shape without the sample axis of every layer that keeps rows apart and returns a tensor, in order of execution."""
        first = tuple(v[:1].clone() for v in self.values)
        return layer_shapes(self.net, lambda: self._plain(first, torch.zeros(1, dtype=torch.long)))

    # ---- inside ------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _watched(self, layers: tuple[str, ...], keep: Callable[[Tensor], Tensor]) -> Iterator[dict[str, Tensor]]:
        """What ``keep`` makes of the outputs of these layers; a copy goes on, since an in-place op that follows must not write over it."""
        kept: dict[str, Tensor] = {}

        def watch(name: str) -> Callable[..., Tensor]:
            def hook(_module: nn.Module, _arguments: Any, output: Any) -> Tensor:  # noqa: ANN401
                if not isinstance(output, Tensor):
                    received = f"{name}: {type(output).__name__}"
                    raise LayerError("This layer returns no single tensor", received=received, remedy="choose another layer")
                kept[name] = keep(output)
                return kept[name].clone()

            return hook

        with ExitStack() as stack:
            for name in layers:
                stack.callback(self._layer(name).register_forward_hook(watch(name)).remove)
            yield kept

    def backward(
        self, scores: Tensor, leaves: tuple[Tensor, ...], multipliers: Tensor | None = None, *, again: bool = False
    ) -> tuple[Tensor, ...]:
        """The gradients of the sum of the scores, weighted by ``multipliers``; zeros for what the scores do not depend on.

        ``again``: not for the last time.
        """
        if not scores.requires_grad:
            raise self._no_gradient("the score")
        found = self._backward(scores, leaves, multipliers, again=again)
        return tuple(torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True))

    def _backward(
        self, scores: Tensor, leaves: tuple[Tensor, ...], multipliers: Tensor | None = None, *, again: bool = False
    ) -> tuple[Tensor | None, ...]:
        seeds = torch.ones_like(scores) if multipliers is None else multipliers
        try:
            return torch.autograd.grad(scores, leaves, seeds, retain_graph=again, allow_unused=True)
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            raise CapabilityError(
                f"torch can not differentiate {self.model.name}: {_first_line(error)}", received=self.model.name, remedy=_BLACK_BOX
            ) from error

    def _no_gradient(self, what: str) -> CapabilityError:
        return CapabilityError(
            f"torch can not differentiate {what}, which does depend on the input"
            if what != "the score"
            else "The score does not depend on the input in a way that torch can differentiate",
            received=self.model.name,
            remedy=f"look for .detach(), no_grad, argmax or numpy in the forward; or {_BLACK_BOX}",
        )

    def _matters(self, slot: int, batch: tuple[Tensor, ...], rows: Tensor, scores: Tensor, score: Score) -> bool:
        """Whether an input that no gradient reaches changes the score all the same."""
        changed = list(batch)
        changed[slot] = batch[slot].flip(-1) * 0.5 + 1
        with torch.no_grad():
            return not torch.equal(score(self.forward(tuple(changed), rows), rows), scores)

    def _layer(self, name: str) -> nn.Module:
        try:
            if name:
                return self.net.get_submodule(name)
        except AttributeError:
            pass
        raise UnknownName("layer", name, [n for n, _ in self.net.named_modules() if n])

    def forward(self, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        """The main output (batch, ...), with whatever gradient the caller's context asks for."""
        rows = rows.to(self.model.torch_device)
        values: list[Tensor | None] = [None] * len(self.fixed)
        with ExitStack() as stack:
            for slot, tensor, dtype in zip(self.slots, batch, self.narrow, strict=True):
                narrow = tensor.to(dtype) if tensor.dtype != dtype else tensor
                if slot in self._entries:
                    stack.enter_context(replaced(self._entries[slot], narrow))
                else:
                    values[slot] = narrow
            output = self._main([self.fixed[i][rows] if value is None else value for i, value in enumerate(values)])
        return one_row_each(output, len(rows), source="model", called="output")

    def _main(self, values: list[Tensor]) -> Tensor:
        """The main output; in float64 where it comes out of a softmax or sigmoid, which saturate."""
        if not self._watch_end:
            return main_output(self._call(values), self.model.spec.select)
        if not self._entries and self.model.net not in _ENDS_IN_PROBABILITIES:
            # watching costs some microseconds for each operation, and only what lies in 0..1 can be a probability
            returned = self._call([value.clone() for value in values])
            output = main_output(returned, self.model.spec.select)
            if output.numel() and (bool(output.detach().amin() < 0) or bool(output.detach().amax() > 1)):
                self._note_parts(returned)
                self._watch_end = False
                return output
        with FinalActivation() as watcher:
            returned = self._call(values)
            output = main_output(returned, self.model.spec.select)
        self._note_parts(returned)
        ended = watcher.of(output)
        self._watch_end = ended is not None
        if ended is None:
            return output
        _ENDS_IN_PROBABILITIES.add(self.model.net)
        self.ends_in = ended[0]
        return ended[1]

    def _note_parts(self, returned: Any) -> None:  # noqa: ANN401
        """Says which of several outputs is explained, once."""
        parts = count_parts(returned) if self.model.spec.select is None else 1
        if parts > 1:
            self.guesses += (f"outputs: the first of {parts} tensors is explained; ModelSpec(select=1) takes the second",)

    def _call(self, values: list[Tensor]) -> Any:  # noqa: ANN401
        self.evaluated += len(values[0])
        try:
            return self.net(**dict(zip(self.keywords, values, strict=True))) if self.keywords else self.net(*values)
        except (PellucidError, torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:
            if out_of_memory(error):
                raise
            shapes = ", ".join(f"{tuple(v.shape)} {str(v.dtype).removeprefix('torch.')}" for v in values)
            remedy = "call the model on these inputs yourself; if that fails too, check shape (rows first), dtype and layout"
            if torch.is_grad_enabled() and "grad" in str(error):
                remedy = f"the forward leaves torch, so that it has no gradient: {_BLACK_BOX}"
            elif "more than 1 value per channel" in str(error):
                remedy = "batch normalization in training mode needs several rows in a batch: use mode='eval', or give batch_size=8"
            raise ModelError(
                f"{self.model.name} raised {type(error).__name__}: {_first_line(error)}",
                received=f"inputs of shape {shapes}",
                remedy=remedy,
            ) from error


def _row_each(kept: dict[str, Tensor], name: str, rows: int) -> Tensor:
    """The kept output of a layer, if its first axis is the row."""
    if kept[name].ndim and len(kept[name]) == rows:
        return kept[name]
    raise LayerError(
        "The first axis of this layer's output is not the row",
        received=f"{name}: shape {tuple(kept[name].shape)} for {rows} rows",
        remedy="choose a layer that keeps rows apart",
    )


def _nothing_to_vary(inputs: RowInputs, tensors: tuple[Tensor, ...]) -> InputError:
    return InputError(
        "There is no input whose values can be varied",
        received=", ".join(f"{s.name}: {t.dtype}" for s, t in zip(inputs.specs, tensors, strict=True)),
        remedy="give floating-point inputs (x.float()), or integer tokens that feed an nn.Embedding module as they are; where the "
        "network embeds them in another way, explain a function of the tokens with 'occlusion' and InputSpec(kind='tokens', blank=0)",
    )


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else ""
