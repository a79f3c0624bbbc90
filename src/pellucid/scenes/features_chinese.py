# ruff: noqa: RUF001 (punctuation of set text is meant)
"""The words in pictures of feature visualization in Chinese."""

from __future__ import annotations

FEATURES: dict[str, str] = {
    "method.feature_visualization": "特征可视化",
    "feature.outputs": "输出",
    "feature.layer": "{layer} 层",
    "feature.unit": "单元 {unit}",
    "feature.output": "输出 {unit}",
    "feature.way.fourier": "傅里叶",
    "feature.way.spectrum": "定幅谱",
    "feature.row": "第 {row} 行",
    "feature.pictures.title": "什么使 {model} 的单元激活最强",
    "feature.pictures.panel": "{layer}：优化所得的图片与激活最强的数据",
    "feature.pictures.more": "{layer}（续）",
    "feature.pictures.some": "{count} 个单元中在数据上变化最大的 {shown} 个",
    "feature.pictures.classes": "{count} 个输出中最常为最大的 {shown} 个",
    "feature.pictures.chosen": "{count} 个单元中选定的 {shown} 个",
    "feature.pictures.all": "全部 {count} 个单元",
    "feature.pictures.sees": "最强位置所能看到的范围",
    "feature.pictures.note": (
        "每幅图上方为该单元最强位置的激活值（2× 即最强数据的两倍）；"
        "数据行另注行号与类别，位置不足时只注其一；若该位置只看到图的一部分，则以方框标出。"
        "优化图片从噪声出发，经 {steps} 步得到，按所画的原样测量。"
    ),
    "feature.pictures.limit": "优化所得的图片是超常刺激，可能与任何真实数据相去甚远；它并不说明单元的用途。",
    "feature.pictures.spectrum": "定幅谱：每个波的强度固定为 {rows} 行数据的平均值，只优化波的位置。",
    "feature.times": "{way}：最强数据的 {times} 倍",
    "feature.against": "{way}：{value}，最强数据为 {top}",
    "feature.reached.title": "{model} 的单元在优化图片与 {rows} 行数据上的激活",
    "feature.reached.panel": "{layer}：{count} 幅优化图片中有 {above} 幅强于所有数据",
    "feature.reached.axis": "激活值：0 为中位数据，1 为最强数据",
    "feature.reached.rows": "数据：5% 至 95%，其中 25% 至 75%",
    "feature.reached.top": "最强数据",
    "feature.reached.shifted": "小点：平移 {shift} 像素之后",
    "feature.reached.note": (
        "单元最强位置的激活值。小点为向八个方向平移 {shift} 像素后的平均值：若它远在大点左侧，则该激活取决于图案的确切位置。"
    ),
    "feature.table.unit": "单元",
    "feature.table.reached": "{way}",
    "feature.table.shifted": "{way}（平移后）",
    "feature.table.median": "中位数据",
    "feature.table.top": "最强数据",
    "feature.table.top_shifted": "最强数据（平移后）",
    "feature.table.rank": "第 {rank} 强的数据",
    "feature.asked.title": "{model} 的定幅谱图片中起作用的部分",
    "feature.asked.finding": "最集中的是 {unit}：一半的梯度在 {share} 的像素上",
    "feature.asked.half": "含一半梯度的像素所占比例（%）",
    "feature.asked.note": "淡出之处是整个优化过程中单元的梯度要求很少的地方。幅度固定时，图片的每个部分都必须有内容；淡出的部分只是偶然。",
}
