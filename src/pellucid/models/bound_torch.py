"""A torch network opened for the rows being explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pellucid.errors import CapabilityError, InputError, LayerError, PellucidError
from pellucid.explanation.spec import InputSpec
from pellucid.models.embeddings import Entry, embed, find_entries, replaced
from pellucid.models.entrance import Entrance, Names, find_entrance, parameter
from pellucid.models.inputs import RowInputs
from pellucid.models.layer_shapes import layer_shapes
from pellucid.models.memory import out_of_memory
from pellucid.models.outputs import main_output, one_row_each
from pellucid.models.own_pass import Make, own_pass, suits
from pellucid.models.protocol import LayerGradient, LayerShape, Ruled, Score
from pellucid.models.ruled_pass import RuledOutputs, outputs_under, under
from pellucid.models.rules.graph import Graph, record
from pellucid.models.tail import Tail
from pellucid.models.torch_run import BLACK_BOX, TorchRun, first_line
from pellucid.models.tuned import Tuned
from pellucid.models.visits import Visit, visits
from pellucid.models.watched_layers import called, looked_at, named_layer, row_each, watched

if TYPE_CHECKING:
    from pellucid.models.rules.interceptor import Rules
    from pellucid.models.torch_model import TorchModel

_HALF = (torch.float16, torch.bfloat16)


class BoundTorch:
    """A shadow network bound to the rows being explained; see :class:`pellucid.models.protocol.BoundModel`.

    ``guesses`` are what was guessed before the rows were looked at.
    """

    def __init__(self, net: nn.Module, model: TorchModel, inputs: RowInputs, guesses: tuple[str, ...] = ()) -> None:
        self.net, self.model = net, model
        self._run = TorchRun(net, model, inputs.keywords)
        if inputs.frame is not None and inputs.frame.categorical:
            raise InputError(
                "A torch network takes numbers, and this table has categories",
                received=f"columns {', '.join(inputs.frame.columns[i] for i in inputs.frame.categorical)}",
                remedy="give preparation=pl.TablePreparation.fit(training_table), the one the network was trained with",
            )
        self.fixed = tuple(self._fit(t, s, cast=inputs.cast) for t, s in zip(inputs.tensors, inputs.specs, strict=True))
        self._guesses = guesses
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
        self._guesses += tuple(
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
        found = find_entries(self.net, integers, lambda: self._run.call(first))
        for i, entries in found.items():
            self._guesses += (f"input {i + 1}: integer tokens are explained at the output of the embedding they feed",)
            if self._acts_elsewhere(i, entries):
                self._guesses += (
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
                    outputs.append(main_output(self._run.call(full), self.model.spec.select))
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

    def offer(self, make: Make) -> None:
        """The framework that the network comes from can make its passes itself, where that is faster."""
        if suits(self):
            self._tuned.own = own_pass(self.model.net), make

    def by(self, net: nn.Module) -> AbstractContextManager[None]:
        """Inside, another module that computes the same is run."""
        return self._run.by(net)

    def entrance(self, remembered: Callable[[Callable[[], Names | None]], Names | None]) -> Entrance | None:
        """The network from its first linear layer on, where that layer alone takes the input."""
        names = remembered(lambda: find_entrance(self))
        if names is None:
            return None
        weight, bias = parameter(self, names[0]), parameter(self, names[1]) if len(names) > 1 else None
        return Entrance(self, weight, bias)

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

        with watched(self.net, layers, cut) as kept, torch.no_grad():
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
            for own, gradient in zip((row_each(name, kept[name], len(rows)) for name in layers), found, strict=True)
        )

    def layer_outputs(self, batch: tuple[Tensor, ...], rows: Tensor, *, layers: tuple[str, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The main output and the outputs of these layers (of the last call of each), without gradient."""
        with watched(self.net, layers, Tensor.clone) as kept:
            outputs = self._plain(batch, rows)
        found = [row_each(name, called(kept, name), len(rows)) for name in layers]
        return outputs, tuple(one.dequantize() if one.is_quantized else one for one in found)

    def gradients_through(
        self, batch: tuple[Tensor, ...], rows: Tensor, score: Score, *, layer: str, keep: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, ...]:
        """Gradients with respect to the batch of what passes through a layer; ``keep`` chooses from the gradient at the layer's output.

        One forward and one backward pass in two parts. What goes past the layer is left out.
        """
        with torch.enable_grad(), watched(self.net, (layer,), lambda output: output) as kept:
            leaves = tuple(t.detach().requires_grad_() for t in batch)
            scores = score(self.forward(tuple(leaf.clone() for leaf in leaves), rows), rows)
            if layer not in kept or not kept[layer].requires_grad:
                remedy = "choose a layer that lies between the input and the score"
                raise LayerError("No gradient passes through this layer", received=layer, remedy=remedy)
            own = row_each(layer, kept[layer], len(rows))
            above = self.backward(scores, (own,), again=True)[0]
            return self.backward(own, leaves, keep(above))

    def trees(self) -> None:
        """A network has none."""

    def tail(self, layer: str) -> Tail:
        """What lies above a layer, to be run again with other outputs of it."""
        return Tail(self.net, named_layer(self.net, layer), self._plain, name=layer)

    def under(self, rules: Rules, batch: tuple[Tensor, ...], rows: Tensor, score: Score) -> Ruled:
        """A forward pass with every operation, the score's included, given to a rule set; and its backward."""
        return under(self, rules, batch, rows, score)

    def outputs_under(self, rules: Rules, batch: tuple[Tensor, ...], rows: Tensor) -> RuledOutputs:
        """The main output with every operation given to a rule set, from which one can go back many times."""
        return outputs_under(self, rules, batch, rows)

    @contextmanager
    def looking_at(self, layer: str, look: Callable[[Tensor], None]) -> Iterator[None]:
        """Hands each tensor that a layer returns to ``look``, before the network goes on with it."""
        with looked_at(self.net, layer, look), self._tuned.held_back():
            yield

    @property
    def guesses(self) -> tuple[str, ...]:
        """What was guessed of the inputs and of the network."""
        return (*self._guesses, self._run.guess) if self._run.guess else self._guesses

    def add_guesses(self, more: tuple[str, ...]) -> None:
        """What somebody else took for granted of the network."""
        self._guesses += more

    @property
    def evaluated(self) -> int:
        """Rows that went through the network so far."""
        return self._run.evaluated

    @property
    def ends_in(self) -> str:
        """``"Softmax"`` or ``"Sigmoid"`` once a forward pass was seen to end in one, or ""."""
        return self._run.ends_in

    @property
    def alone(self) -> bool:
        """Whether the output depends on the varied values only: nothing else goes in that follows the row."""
        return len(self.slots) == len(self.fixed) and not self._entries

    def graph(self, batch: tuple[Tensor, ...], rows: Tensor) -> Graph:
        """The operations of the forward pass on this batch, with their cost."""
        with self._run.unwatched():
            return record(self.net, batch, lambda given: self.forward(given, rows))

    def visits(self, batch: tuple[Tensor, ...], rows: Tensor) -> dict[str, Visit]:
        """What each module takes and gives on this batch, and how long it takes."""
        with self._run.unwatched(), torch.no_grad():
            return visits(self.net, lambda: self.forward(tuple(t.clone() for t in batch), rows))

    def given(self, rows: Tensor) -> tuple[Tensor, ...]:
        """What is varied of these rows, as the user gave it: tokens as tokens."""
        return tuple(self.fixed[slot][rows] for slot in self.slots)

    def as_given(self, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        """The main output for :meth:`given`, with nothing between the user's forward and its operations."""
        varied = dict(zip(self.slots, batch, strict=True))
        with self._run.unwatched():
            returned = self._run.call([varied[i] if i in varied else self.fixed[i][rows] for i in range(len(self.fixed))])
        return main_output(returned, self.model.spec.select)

    def again(self, rows: Tensor) -> Callable[[tuple[Tensor, ...]], Tensor]:
        """As :meth:`as_given`, for the same rows many times: the inputs that do not vary are taken out once."""
        values: list[Any] = [None if i in self.slots else self.fixed[i][rows] for i in range(len(self.fixed))]

        def call(batch: tuple[Tensor, ...]) -> Tensor:
            for slot, value in zip(self.slots, batch, strict=True):
                values[slot] = value
            return main_output(self._run.call(values), self.model.spec.select)

        return call

    def module_names(self) -> dict[int, str]:
        """The names of the network's modules by their ``id``."""
        return {id(module): name for name, module in self.net.named_modules()}

    def layer_shapes(self) -> dict[str, LayerShape]:
        """The output shape without the sample axis of every layer that keeps rows apart and returns a tensor, in order of execution."""
        first = tuple(v[:1].clone() for v in self.values)
        return layer_shapes(self.net, lambda: self._plain(first, torch.zeros(1, dtype=torch.long)))

    # ---- inside ------------------------------------------------------------------------------------------------------------

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
                f"torch can not differentiate {self.model.name}: {first_line(error)}", received=self.model.name, remedy=BLACK_BOX
            ) from error

    def _no_gradient(self, what: str) -> CapabilityError:
        return CapabilityError(
            f"torch can not differentiate {what}, which does depend on the input"
            if what != "the score"
            else "The score does not depend on the input in a way that torch can differentiate",
            received=self.model.name,
            remedy=f"look for .detach(), no_grad, argmax or numpy in the forward; or {BLACK_BOX}",
        )

    def _matters(self, slot: int, batch: tuple[Tensor, ...], rows: Tensor, scores: Tensor, score: Score) -> bool:
        """Whether an input that no gradient reaches changes the score all the same."""
        changed = list(batch)
        changed[slot] = batch[slot].flip(-1) * 0.5 + 1
        with torch.no_grad():
            return not torch.equal(score(self.forward(tuple(changed), rows), rows), scores)

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
            output = self._run.output(
                [self.fixed[i][rows] if value is None else value for i, value in enumerate(values)], embedded=bool(self._entries)
            )
        return one_row_each(output, len(rows), source="model", called="output")


def _nothing_to_vary(inputs: RowInputs, tensors: tuple[Tensor, ...]) -> InputError:
    return InputError(
        "There is no input whose values can be varied",
        received=", ".join(f"{s.name}: {t.dtype}" for s, t in zip(inputs.specs, tensors, strict=True)),
        remedy="give floating-point inputs (x.float()), or integer tokens that feed an nn.Embedding module as they are; where the "
        "network embeds them in another way, explain a function of the tokens with 'occlusion' and InputSpec(kind='tokens', blank=0)",
    )
