"""What the graph of a SavedModel does, read without TensorFlow: a graph can read and write files and call Python.

Only graphs whose operators compute are let through. What only saves and restores is left out of the copy that TensorFlow is given.
"""

from __future__ import annotations

from collections.abc import Iterator

from pellucid.models.files.protobuf_wire import Field, field, fields
from pellucid.models.files.sandbox import Refused
from pellucid.models.programs.tensorflow_operators import PLAIN, SAME, TABLE

# the fields of SavedModel, MetaGraphDef, GraphDef, FunctionDefLibrary, FunctionDef, OpDef and NodeDef
META_GRAPH, GRAPH, SAVER, ASSETS, OBJECTS = 2, 2, 3, 6, 7
NODE, LIBRARY = 1, 2
FUNCTION, GRADIENT = 1, 2
SIGNATURE, FUNCTION_NODE = 1, 3
NAME, OPERATOR = 1, 2

KNOWN = frozenset(PLAIN) | frozenset(SAME) | frozenset(TABLE)
HELD = frozenset([
    "Placeholder", "Const", "NoOp", "IdentityN", "VarHandleOp", "ReadVariableOp", "AssignVariableOp", "VarIsInitializedOp",
    "VariableShape", "PartitionedCall", "StatefulPartitionedCall", "If", "StatelessIf", "While", "StatelessWhile", "Case", "StatelessCase",
    "_Arg", "_Retval", "Assert",
])  # fmt: skip
PURE = frozenset([  # which our reader does not know, and which compute their outputs from their inputs all the same
    "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atan2", "Atanh", "BatchToSpaceND", "BroadcastArgs", "BroadcastGradientArgs", "Bucketize",
    "ClipByValue", "Cosh", "CropAndResize", "Cross", "Cumprod", "CumulativeLogsumexp", "DepthToSpace", "Diag", "DiagPart", "Digamma",
    "Dilation2D", "DynamicStitch", "EmptyTensorList", "FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars",
    "FakeQuantWithMinMaxVarsPerChannel", "Gather", "GatherNd", "InTopKV2", "Inv", "InvertPermutation", "L2Loss", "LRN", "Lgamma",
    "LinSpace", "MatrixBandPart", "MatrixDiag", "MatrixDiagPart", "MatrixDiagPartV3", "MatrixDiagV3", "MatrixInverse", "Mod",
    "MulNoNan", "NthElement", "ParallelDynamicStitch", "QuantizeAndDequantizeV2", "QuantizeAndDequantizeV4", "RandomStandardNormal",
    "RandomUniform", "RandomUniformInt", "Rank", "ResizeArea", "ResizeBicubic", "Reverse", "ReverseSequence", "Rint", "Roll",
    "ScatterNd", "SegmentMax", "SegmentMean", "SegmentSum", "ShapeN", "Sinh", "SpaceToBatchND", "SpaceToDepth",
    "SparseSoftmaxCrossEntropyWithLogits", "StatelessRandomGetKeyCounter", "StatelessRandomNormalV2", "StatelessRandomUniformV2",
    "StatelessRandomGetAlg", "StatelessRandomUniformIntV2", "TensorListConcatV2", "TensorListElementShape", "TensorListFromTensor",
    "TensorListGetItem", "TensorListLength", "TensorListPopBack", "TensorListPushBack", "TensorListReserve", "TensorListResize",
    "TensorListSetItem", "TensorListSplit", "TensorListStack", "TensorScatterAdd", "TensorScatterUpdate", "TopKV2", "TruncateDiv",
    "TruncateMod", "TruncatedNormal", "Unique", "UnsortedSegmentMax", "UnsortedSegmentSum", "Where", "Xdivy", "Xlog1py", "Xlogy",
])  # fmt: skip
ALLOWED = KNOWN | HELD | PURE
SAVING = ("__inference__traced_save", "__inference__traced_restore")  # how TensorFlow begins the names of what saves and restores
MOST = 2_000_000  # operators
REASONS = (
    (("PyFunc", "EagerPyFunc", "PyFuncStateless"), "calls Python"),
    (("ReadFile", "WriteFile", "MatchingFiles", "Save", "Restore", "MergeV2", "Print", "Shard"), "reads or writes files"),
    (("InitializeTable", "HashTable", "LookupTable", "MutableHash"), "looks words up in a table, which files may fill"),
)


def computing(data: bytes) -> bytes:
    """The ``saved_model.pb`` of a network whose operators all compute, without what saves and restores.

    Raises:
        Refused: it is damaged, of TensorFlow 1, has other files, or an operator that does more than to compute; which one is said.
    """
    found = list(fields(data))
    if sum(one.number == META_GRAPH for one in found) != 1:
        raise Refused("This is no SavedModel of TensorFlow 2 with one graph", f"{len(data)} bytes")
    return b"".join(field(META_GRAPH, _meta_graph(one.message)) if one.number == META_GRAPH else one.raw for one in found)


def operators(data: bytes) -> Iterator[tuple[str, str]]:
    """Where (a function, or the graph itself) and which, of all operators of a SavedModel."""
    for one in fields(data):
        for inner in fields(one.message) if one.number == META_GRAPH else ():
            if inner.number == GRAPH:
                yield from _operators(inner.message)


def _meta_graph(message: memoryview) -> bytes:
    found = list(fields(message))
    numbers = [one.number for one in found]
    if OBJECTS not in numbers or numbers.count(GRAPH) != 1:
        raise Refused("This is no SavedModel of TensorFlow 2 with one graph", "no objects, or several graphs; save it anew")
    if ASSETS in numbers:
        raise Refused("The SavedModel needs other files, such as tables of words, which are not read", f"{numbers.count(ASSETS)} files")
    return b"".join(field(GRAPH, _graph(one.message)) if one.number == GRAPH else one.raw for one in found if one.number != SAVER)


def _graph(message: memoryview) -> bytes:
    """A graph without nodes of its own, which TensorFlow 2 does not run, and with the functions that compute."""
    for count, (where, name) in enumerate(_operators(message)):
        if name not in ALLOWED and not where.startswith(SAVING):
            raise Refused(f"The SavedModel has an operator that {_reason(name)}", f"{name[:80]} in {where[:80]}")
        if count > MOST:
            raise Refused("The SavedModel has too many operators", f"over {MOST}")
    return b"".join(field(LIBRARY, _library(one.message)) if one.number == LIBRARY else one.raw for one in fields(message) if _kept(one))


def _kept(one: Field) -> bool:
    return one.number != NODE


def _library(message: memoryview) -> bytes:
    return b"".join(one.raw for one in fields(message) if one.number != FUNCTION or not _called(one.message).startswith(SAVING))


def _operators(graph: memoryview) -> Iterator[tuple[str, str]]:
    for one in fields(graph):
        if one.number == LIBRARY:
            for function in fields(one.message):
                if function.number == FUNCTION:
                    yield from ((_called(function.message), name) for name in _names(function.message, FUNCTION_NODE))


def _names(message: memoryview, of: int) -> Iterator[str]:
    for node in fields(message):
        if node.number == of:
            found = [one.text for one in fields(node.message) if one.number == OPERATOR]
            yield found[-1] if found else ""


def _called(function: memoryview) -> str:
    """The name of a function; the last one counts, as everywhere in a protocol buffer."""
    found = [inner.text for one in fields(function) if one.number == SIGNATURE for inner in fields(one.message) if inner.number == NAME]
    return found[-1] if found else ""


def _reason(name: str) -> str:
    return next((why for names, why in REASONS if name.startswith(names)), "is not among those that only compute")
