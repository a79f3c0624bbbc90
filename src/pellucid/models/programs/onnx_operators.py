"""What the operators of ONNX are in torch, all together; each entry adds the operations of one node; no other can be read."""

from __future__ import annotations

from pellucid.models.programs import onnx_elements, onnx_layers, onnx_moves, onnx_norms, onnx_places, onnx_recurrent, onnx_sizes

TABLE = {
    **onnx_elements.TABLE, **onnx_layers.TABLE, **onnx_norms.TABLE, **onnx_moves.TABLE, **onnx_places.TABLE, **onnx_recurrent.TABLE,
    **onnx_sizes.TABLE,
}  # fmt: skip
