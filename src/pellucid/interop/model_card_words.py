# ruff: noqa: RUF001 (Chinese punctuation is meant)
"""The words of a model card's section, in English and Simplified Chinese, with the same keys."""

from __future__ import annotations

ENGLISH = {
    "heading": "Explanations",
    "intro": (
        "Made and measured with Pellucid {version}. An explanation says what the network uses, not what causes what in the world; it holds "
        "for the rows named here."
    ),
    "title": "{method} of {model}",
    "explained": "**What was explained**: {target} for {rows}, on the scale of the {scale}.",
    "explained.plain": "**What was explained**: {target} for {rows}.",
    "row": "1 row",
    "rows": "{count} rows",
    "target.predicted": "the predicted class",
    "target.other": "{targets}",
    "target.more": "{targets} and {count} more",
    "method": "**Method**: {method}.",
    "method.baseline": "**Method**: {method}, compared with {baseline}.",
    "verdicts": "verdict",
    "count": "rows",
    "means": "what it means",
    "supported": "supported",
    "weak": "weak",
    "refused": "refused",
    "unchecked": "unchecked",
    "supported.means": "the checks bear the explanation out: removal in its order does more than removal in random order",
    "weak.means": "something speaks against it, or the checks can not tell it from chance",
    "refused.means": "a check failed: do not rely on it",
    "unchecked.means": "nothing was measured: whether it is right is not known",
    "faithfulness": "**Faithfulness**",
    "faithfulness.none": "**Faithfulness** was not measured.",
    "faithfulness.one": "{check}: {value} (95 % interval {low} to {high}); in random order {reference}; {direction} is better.",
    "faithfulness.many": (
        "{check}: mean {value} (95 % interval of the mean over rows {low} to {high}); in random order {reference}; {direction} is better. "
        "Better than random order (one-sided 95 %) in {better} of {count} rows."
    ),
    "lower": "lower",
    "higher": "higher",
    "limits": "**What it does not show**: {limits}",
    "reproduce": "**To reproduce**, with the same rows as `x`:",
    "reproduce.imported": "**To measure it again**, with the values of the other tool and the same rows as `x`:",
    "origin": "Seed {seed}, {dtype} on {device}; {versions}; fingerprint of the model {model}, of the rows {rows}.",
    "none": "none",
}

CHINESE = {
    "heading": "解释",
    "intro": "由 Pellucid {version} 生成并检验。解释说明的是网络所用的依据，而不是现实中的因果关系；它只对这里所说的行成立。",
    "title": "{model}：{method}",
    "explained": "**解释的对象**：{rows}的{target}，尺度为{scale}。",
    "explained.plain": "**解释的对象**：{rows}的{target}。",
    "row": "1 行",
    "rows": "{count} 行",
    "target.predicted": "预测类别",
    "target.other": "{targets}",
    "target.more": "{targets}等（另有 {count} 个）",
    "method": "**方法**：{method}。",
    "method.baseline": "**方法**：{method}，以“{baseline}”为基线。",
    "verdicts": "结论",
    "count": "行数",
    "means": "含义",
    "supported": "得到支持",
    "weak": "较弱",
    "refused": "被拒绝",
    "unchecked": "未经检验",
    "supported.means": "检验支持这个解释：按它的顺序移除，比随机顺序移除影响更大",
    "weak.means": "有不利的证据，或检验无法将它与偶然区分开",
    "refused.means": "有检验未通过：不要依赖它",
    "unchecked.means": "没有做任何测量：它是否正确不得而知",
    "faithfulness": "**忠实度**",
    "faithfulness.none": "**忠实度**未测量。",
    "faithfulness.one": "{check}：{value}（95 % 区间 {low} 至 {high}）；随机顺序为 {reference}；{direction}为好。",
    "faithfulness.many": (
        "{check}：均值 {value}（各行均值的 95 % 区间 {low} 至 {high}）；随机顺序为 {reference}；{direction}为好。"
        "{count} 行中有 {better} 行优于随机顺序（单侧 95 %）。"
    ),
    "lower": "越低",
    "higher": "越高",
    "limits": "**它没有说明什么**：{limits}",
    "reproduce": "**重现方法**（`x` 为同样的行）：",
    "reproduce.imported": "**重新检验的方法**（数值来自另一个工具，`x` 为同样的行）：",
    "origin": "随机种子 {seed}，{dtype}，设备 {device}；{versions}；模型指纹 {model}，数据指纹 {rows}。",
    "none": "无",
}
