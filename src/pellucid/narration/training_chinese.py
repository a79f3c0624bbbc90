# ruff: noqa: RUF001 (Chinese punctuation is meant)
"""The Chinese sentences on faults of a training; the same keys and fields as the English ones."""

from __future__ import annotations

TRAINING = {
    "diagnosis.step": "依据来自第 {first} 步。",
    "diagnosis.steps": "依据来自第 {first} 至 {last} 步。",
    "diagnosis.where": "位置：{layers}。",
    "diagnosis.where.more": "位置：{layers}，另有 {more} 处。",
    "diagnosis.not_finite.found": "从第 {step} 步起出现无穷大或非数；在记录的 {total} 个损失中，有 {count} 个不是有限数。",
    "diagnosis.not_finite.cause": "可能的原因：数据中有缺失值，对 0 取对数或开方，除以 0，或步长过大导致溢出。",
    "diagnosis.not_finite.try": "可以尝试：检查输入中的非有限数；使用直接接受 logit 的损失；降低学习率，或裁剪梯度。",
    "diagnosis.unbounded_loss.found": "损失降到 0 以下，而且越降越快：从 {first} 降到 {last}。",
    "diagnosis.unbounded_loss.cause": "可能的原因：符号写反，或损失没有下界，可以无限降低而什么也没学到。",
    "diagnosis.unbounded_loss.try": "可以尝试：检查损失中每一项的符号，并想一想完美的网络会达到什么值。",
    "diagnosis.broadcast_loss.found": "损失把 {rows} 行中的每一行与全部 {rows} 行相比：输出和目标被广播成 {rows} 乘 {rows} 的方阵。",
    "diagnosis.broadcast_loss.cause": "可能的原因：输出的形状是（行数，1）而目标是（行数），或者相反；这样学到的只是所有目标的平均值。",
    "diagnosis.broadcast_loss.try": "可以尝试：让两者形状相同，例如 net(x).squeeze(1) 或 target.unsqueeze(1)。",
    "diagnosis.unreached_parameters.found": "在查看的全部 {frames} 步中，有 {layers} 层的参数没有梯度，或梯度恰好为 0。",
    "diagnosis.unreached_parameters.cause": (
        "可能的原因：从损失回传的路被切断，例如 detach()、no_grad()、经过 numpy，损失没有用到某个输出，或其后的单元全部失活。"
    ),
    "diagnosis.unreached_parameters.try": (
        "可以尝试：沿着这一层的输出一直查到损失；如果本来就不打算训练它，把 requires_grad 设为 False，就不再提示。"
    ),
    "diagnosis.unused_layers.found": "有 {layers} 层带有参数，但在训练中从未运行。",
    "diagnosis.unused_layers.cause": "可能的原因：建立之后在 forward() 里忘了调用，或调用了别的层。",
    "diagnosis.unused_layers.try": "可以尝试：在 forward() 中调用它们，或把它们删去。",
    "diagnosis.equal_units.found": "训练开始之后，仍有 {layers} 层的所有单元权重完全相同。",
    "diagnosis.equal_units.cause": "可能的原因：它们的初值相同，所有单元得到相同的梯度，因而一直相同：整层只相当于一个单元。",
    "diagnosis.equal_units.try": "可以尝试：随机初始化权重（Kaiming、Xavier）；只有偏置和归一化的缩放可以取相同的初值。",
    "diagnosis.initialization_shrinks.found": (
        "训练之初信号随深度衰减：输出的离散程度从第一层的 {first} 变为最后一个隐藏层的 {last}，是原来的 {ratio} 倍。"
    ),
    "diagnosis.initialization_shrinks.cause": "可能的原因：相对于各层的输入个数，权重的初值太小。",
    "diagnosis.initialization_shrinks.try": "可以尝试：用 Kaiming 或 Xavier 初始化，或在层间加入归一化。",
    "diagnosis.initialization_grows.found": (
        "训练之初信号随深度放大：输出的离散程度从第一层的 {first} 变为最后一个隐藏层的 {last}，是原来的 {ratio} 倍。"
    ),
    "diagnosis.initialization_grows.cause": "可能的原因：相对于各层的输入个数，权重的初值太大。",
    "diagnosis.initialization_grows.try": "可以尝试：用 Kaiming 或 Xavier 初始化，或在层间加入归一化。",
    "diagnosis.dead_rectifiers.found": (
        "ReLU 失活：最严重的一层有 {share} 的单元对所查看的每一行都输出 0；在 {of} 个这样的层中，有 {layers} 层失去了至少一半的单元。"
    ),
    "diagnosis.dead_rectifiers.cause": (
        "可能的原因：某一步过大，把偏置推到远低于 0 的地方，或偏置的初值就在那里；梯度无法通过，这些单元不会再恢复。"
    ),
    "diagnosis.dead_rectifiers.try": "可以尝试：降低学习率，偏置从 0 开始，对输入做归一化，或改用 LeakyReLU 或 GELU。",
    "diagnosis.saturated_units.found": (
        "Sigmoid 或 tanh 饱和：最严重的一层有 {share} 的值落在斜率不足最大斜率二十分之一的地方；涉及 {of} 层中的 {layers} 层。"
    ),
    "diagnosis.saturated_units.cause": "可能的原因：前面的权重太大，或输入没有缩放；几乎没有梯度能够通过。",
    "diagnosis.saturated_units.try": "可以尝试：把输入缩放到标准差约为 1，用较小的初值（Xavier），或在这些单元之前做归一化。",
    "diagnosis.vanishing_gradients.found": "梯度在回传途中消失：第一层的梯度只有最大梯度的 {ratio} 倍；低于千分之一的有 {layers} 层。",
    "diagnosis.vanishing_gradients.cause": "可能的原因：连续多层 sigmoid 或 tanh，或权重太小，使梯度逐层缩小。",
    "diagnosis.vanishing_gradients.try": "可以尝试：改用 ReLU、残差连接或归一化，增大权重的初值，或减少层数。",
    "diagnosis.exploding_gradients.found": "梯度爆炸：整个梯度的长度是权重长度的 {ratio} 倍。",
    "diagnosis.exploding_gradients.cause": "可能的原因：过大的权重使梯度逐层或逐时刻放大，或输入、目标没有缩放。",
    "diagnosis.exploding_gradients.try": "可以尝试：裁剪梯度（clip_grad_norm_），缩放输入和目标，减小权重的初值，降低学习率。",
    "diagnosis.learning_rate_too_high.found": (
        "单独一步最多使典型的一层改变其大小的 {ratio} 倍，而损失没有真正降下来：开始时为 {first}，最高到 {largest}，"
        "现在为 {last}，学习率为 {rate}。"
    ),
    "diagnosis.learning_rate_too_high.cause": "可能的原因：学习率太高；通常每步改变约为大小的 0.001 倍。",
    "diagnosis.learning_rate_too_high.try": "可以尝试：把学习率除以 10，开始时预热，或裁剪梯度。",
    "diagnosis.learning_rate_too_low.found": (
        "每一步只使典型的一层改变其大小的 {ratio} 倍，损失几乎不动：开始时为 {first}，现在为 {last}，学习率为 {rate}。"
    ),
    "diagnosis.learning_rate_too_low.cause": "可能的原因：学习率太低；通常每步改变约为大小的 0.001 倍。在微调时这也许是有意的。",
    "diagnosis.learning_rate_too_low.try": "可以尝试：把学习率乘以 10，再乘以 10，直到损失下降。",
    "diagnosis.class_collapse.found": "网络对全部 {rows} 个固定行都回答类别 {class}，而其中只有 {share} 属于这一类。",
    "diagnosis.class_collapse.cause": "可能的原因：类别权重或类别不均衡把它推向同一个答案，或网络不再对输入有反应。",
    "diagnosis.class_collapse.try": "可以尝试：检查类别权重和标签，以及输出之前的各层是否还对输入有反应。",
    "diagnosis.no_better_than_base_rate.found": (
        "在 {rows} 个固定行上，网络答对 {share}；总是回答最常见的类别可答对 {base_share}（p = {p}）。"
        "它的得分与真实类别的相关系数为 {correlation}，学到东西时会超过 0.4。"
    ),
    "diagnosis.no_better_than_base_rate.cause": "可能的原因：标签与输入没有对上，输入所含的信息不够，或网络没有在学习，原因见其他诊断。",
    "diagnosis.no_better_than_base_rate.try": "可以尝试：确认输入和标签是一起打乱的；看看能否背下二十行；与线性模型比较。",
    "diagnosis.no_better_than_mean.found": "在 {rows} 个固定行中，网络比平均值更接近真实值的占 {share}；瞎猜为 {base_share}（p = {p}）。",
    "diagnosis.no_better_than_mean.cause": "可能的原因：目标与输入没有对上，输入所含的信息不够，或网络没有在学习，原因见其他诊断。",
    "diagnosis.no_better_than_mean.try": "可以尝试：确认输入和目标是一起打乱的；缩放目标；看看能否背下二十行；与线性模型比较。",
    "diagnosis.overfitting.found": "从第 {step} 步起，留出数据的损失从 {lowest} 升到 {last}，而训练损失从 {train_then} 降到 {train_now}。",
    "diagnosis.overfitting.cause": "可能的原因：网络在死记训练数据：相对于网络的大小数据太少，或训练时间太长。",
    "diagnosis.overfitting.try": "可以尝试：在那一步停止，增加或扩充数据，加入权重衰减或 dropout，或换用更小的网络。",
}
