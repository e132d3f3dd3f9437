"""Networks traced to ONNX without what PyTorch prints and logs meanwhile."""

from __future__ import annotations

from typing import Any

from modelwright.core.errors import ModelwrightError
from modelwright.core.quiet import unheard

_OPSET = 18
_INT64, _BOOL = 7, 9  # types as ONNX numbers them


def onnx_of(network: Any, fed: tuple[Any, ...], inputs: list[str], outputs: list[str], sides: Any = None) -> Any:
    """Return the ONNX model of a network fed with tensors; `sides` names the sides that stay open, as `torch.onnx.export` takes them.

    Raises ModelwrightError where the network cannot be traced.
    """
    import torch

    with unheard("torch.onnx"), torch.inference_mode():
        program = torch.onnx.export(
            network, fed, dynamo=True, input_names=inputs, output_names=outputs, dynamic_shapes=sides,
            opset_version=_OPSET, verbose=False, custom_translation_table=_further(),
        )  # fmt: skip
    if program is None:
        raise ModelwrightError("The network could not be traced.", "无法导出该网络。")
    return program.model_proto


def _further() -> dict[Any, Any]:
    """Return how operators are written in ONNX that PyTorch does not know there: the checks of shapes that some networks make of tensors."""
    import onnxscript
    import torch

    op: Any = onnxscript.opset18

    def all_true(x: Any) -> Any:
        return op.Cast(op.ReduceMin(op.Cast(x, to=_INT64), keepdims=0), to=_BOOL)

    return {torch.ops.aten._is_all_true.default: all_true}
