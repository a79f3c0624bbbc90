# ruff: noqa: RUF001 (Chinese punctuation and the real minus sign are meant)
"""The words in pictures of gradient flows in Simplified Chinese."""

from __future__ import annotations

FLOW: dict[str, str] = {
    "method.gradient_flow": "梯度流",
    "flow.title": "梯度指向何处：{x} 与 {y}",
    "flow.surface.title": "从侧面看的损失曲面",
    "flow.surface.finding": "{x} 向右增大，{y} 向画面深处增大，损失向上增大",
    "flow.surface.high": "颜色越深，损失越高",
    "flow.about": "{loss}，{rows} 个样本的均值",
    "flow.finding": "此平面上的梯度从 {least} 到 {most}",
    "flow.told": "{count} 个检查点，损失由 {first} 到 {last}",
    "flow.arrow": "下降方向",
    "flow.way": "训练，从大圆点开始",
    "flow.at": "平面内的梯度 {size}，全部梯度 {whole}",
    "flow.gradient": "沿 {name} 的梯度",
    "flow.off": "偏离平面",
    "flow.note.parameters": "其余 {others} 个参数保持网络中的值。",
    "flow.note.trajectory": "此平面包含所有检查点到网络的距离平方的 {share}；其余部分在平面之外。",
    "flow.note.arrows": "箭头指向其起点处梯度的反方向；长度随梯度的四次方根增长。动量法和 Adam 并不沿箭头走。",
}
