# ruff: noqa: RUF001 (Chinese punctuation is meant)
"""The sentences about the inside of a network in Simplified Chinese."""

from __future__ import annotations

INSIDE: dict[str, str] = {
    "inside.representations.rows": "在 {rows} 行数据上查看了 {model} 的 {layers} 层。",
    "inside.representations.one": "在 {rows} 行数据上查看了 {model} 的 1 层。",
    "inside.representations.best": "线性探针从{layer}读出类别最准：留出数据的 {value}，而猜测为 {base}。",
    "inside.representations.first": "最早能明显胜过猜测的是{layer}（{value}）。",
    "inside.representations.never": "没有任何一层能明显胜过猜测（{base}）。",
    "inside.representations.own": "网络本身在这些数据上的准确率为 {value}。",
    "inside.representations.change": "从{first}到{second}，表示变化最大（相似度 {value}，1 表示相同）。",
    "inside.representations.trust": "{layer}的 t-SNE 保持近邻的可信度为 {value}（1 为最好）；簇的大小和距离没有多少意义。",
    "inside.representations.other": ("{count} 层中有 {same} 层与另一个网络中的同名层最相似；{first}与{second}最为相似（{value}）。"),
    "inside.representations.other_unlike": "另一个网络的各层中，{second}与这里的{first}最为相似（{value}）。",
    "inside.representations.parts": (
        "两个网络在{layer}处分歧最大：另一个网络中没有任何层与它的相似度超过 {value}，而将各行随机配对时 20 次中至多一次达到 {limit}。"
    ),
    "inside.representations.relation": ("{count} 个特征中，{feature}与输出{output}的关系最密切：秩相关 {value}（{low} 至 {high}）。"),
    "inside.representations.gradient": "它在那里的平均梯度为 {value}，在 {share} 的行中为正。",
    "inside.representations.opposed": "{count} 对特征与输出中，有 {opposed} 对的平均梯度与相关性符号相反：一同变化不等于因果。",
    "inside.representations.limit": "探针说明从某层能线性读出什么，并不说明网络用到了它。两个轴只显示一层所含信息的一部分。",
    "inside.pruning.apart": "{choosing} 行用于给单元排序和选择，另外 {measuring} 行用于测量；把单元置 0 后网络共运行了 {runs} 次。",
    "inside.pruning.same": (
        "数据太少，无法分开：同样的 {measuring} 行用于排序、选择和测量，因此移除后的分数会偏高；把单元置 0 后网络共运行了 {runs} 次。"
    ),
    "inside.pruning.suggested": "建议移除 {model} 的 {units} 个单元中的 {removed} 个，即 {parameters} 个参数中的 {zeroed} 个。",
    "inside.pruning.nothing": "在下降不超过 {tolerance} 的条件下，{model} 的 {units} 个单元中没有可以移除的。",
    "inside.pruning.cost": (
        "{measure}由 {before} 变为 {after}（95% 区间 {low} 至 {high}）：{lost} 行由对变错，{won} 行由错变对（p = {p}）{few}。"
    ),
    "inside.pruning.beyond": (
        "这超过了允许的下降 {tolerance}；在用于选择的行上并未超过（{before} 变为 {after}）：选择迁就了那些行。"
        "请给更多数据，或更小的容许值。"
    ),
    "inside.pruning.few": "；仅凭 {rows} 行无法区分小的损失与没有损失",
    "inside.pruning.cost_r2": "{measure}由 {before} 变为 {after}（95% 区间 {low} 至 {high}）。",
    "inside.pruning.saved": "掩码不节省时间；若真正切除这些单元，至少可省去 {cut} 的参数和 {flops} 的 FLOPs。",
    "inside.pruning.no_better": "完整的网络在这些行上的准确率为 {value}，而总给出最多的类别为 {base}：从这样的分数看不出什么可以移除。",
    "inside.pruning.dead": "单独移除的 {ablated} 个单元中，有 {count} 个完全不影响输出。",
    "inside.pruning.layers": "仅从某一层移除 {share} 的单元时，{most}使{measure}降得最低（{worst}），{least}损失最小（{best}）。",
    "inside.pruning.criterion": "在便宜的指标中，{name}的排序与实测代价最接近（秩相关 {value}，95% 区间 {low} 至 {high}）。",
    "inside.pruning.limit": (
        "移除之后没有再训练，再训练可以挽回一部分损失；其他数据需要什么，这里看不到。"
        "网络没有被改动：pl.apply_pruning(net, explanation) 才会改动它。"
    ),
    "inside.decision_boundary.inputs": "在两个输入构成的平面上观察了 {model}。",
    "inside.decision_boundary.samples": "在 {elements} 维输入中经过第 {items} 行的切面上观察了 {model}。",
    "inside.decision_boundary.pca": "在 {elements} 维输入的一个切面上观察了 {model}，{rows} 行数据的方差有 {share} 在此切面上。",
    "inside.decision_boundary.exact": "它在 {regions} 个多边形内各是一个线性函数，类别之间的边界由此精确得出。",
    "inside.decision_boundary.agreement": "在 {points} 个点上询问网络本身，{share} 的点与多边形判为同一类别。",
    "inside.decision_boundary.traced": "此处的线性区域超过 {most} 个；在 {points} 个点的网格中发现变化的格子内，边界是精确的。",
    "inside.decision_boundary.sampled": "边界由 {points} 个采样点之间的直线连成。",
    "inside.decision_boundary.area": "它在 {share} 的面积上判为 {name}。",
    "inside.decision_boundary.never": "{classes} 个类别中，此处从未判为的有：{items}。",
    "inside.decision_boundary.never_many": "{classes} 个类别中，有 {count} 个在此处从未出现。",
    "inside.decision_boundary.distance": "{rows} 行中有一半离类别变化处不到 {median}，最近的为 {least}。",
    "inside.decision_boundary.wrong": "误判的 {wrong} 行中有一半不到 {median}。",
    "inside.decision_boundary.off": "各行到切面的距离中位数为 {off}。",
    "inside.decision_boundary.limit": (
        "一个平面只显示网络在该平面上的判断。在输入空间的其他地方可能有更近的类别变化处；在远离所有数据的地方，置信度并不说明什么。"
    ),
    "inside.feature_visualization.made": "为 {model} 中 {layers} 层的 {units} 个单元各优化了图片（{steps} 步），并与真实数据比较。",
    "inside.feature_visualization.above_all": "{way}：全部 {count} 幅图片都强于 {rows} 行数据中最强的一行。",
    "inside.feature_visualization.above_some": "{way}：{count} 幅图片中有 {above} 幅强于 {rows} 行数据中最强的一行，其余则不然。",
    "inside.feature_visualization.above_none": "{way}：{count} 幅图片中没有一幅强于 {rows} 行数据中最强的一行。",
    "inside.feature_visualization.class": "“{unit}”的输出",
    "inside.feature_visualization.output": "输出 {unit}",
    "inside.feature_visualization.unit": "{layer}的单元 {unit}",
    "inside.feature_visualization.times": "最高的是{who}：{value}，为最强数据（{top}）的 {times} 倍。",
    "inside.feature_visualization.against": "最高的是{who}：{value}，最强数据为 {top}。",
    "inside.feature_visualization.kept": "平移 {shift} 像素后，半数图片至少保留其高出中位数据部分的 {share}。",
    "inside.feature_visualization.gone": (
        "平移 {shift} 像素后，半数图片至少保留其高出中位数据部分的 {share}；{count} 幅中有 {gone} 幅取决于确切位置，保留不到 {limit}。"
    ),
    "inside.feature_visualization.rows": "最强的数据本身保留 {share}（中位数）。",
    "inside.feature_visualization.preparation": "图片的取值不超出照片可能的取值。",
    "inside.feature_visualization.spec": "图片的取值不超出输入说明所给的范围。",
    "inside.feature_visualization.data": "图片各通道的取值不超出该通道在数据中的范围。",
    "inside.feature_visualization.spectrum": "定幅谱图片中各个波的强度取这 {rows} 行数据的平均值，而非如论文取自 ImageNet。",
    "inside.feature_visualization.limit": (
        "优化所得的图片是超常刺激：它展示一种使单元变强的办法，可能与任何真实数据相去甚远，不能证明单元的含义。真实数据更能帮助人们预测单元的反应"
        "（Zimmermann 等，2021）；也可以构造出这样的网络：其图片与它在真实数据上的行为毫无关系（Geirhos 等，2023）。"
    ),
    "inside.activations.rows": "在 {rows} 行数据上观察了 {layers} 层和 {functions} 个激活函数。",
    "inside.activations.zero": "在带零侧的函数之后的 {units} 个单元中，有 {dead} 个死亡：其全部输入都落在函数值为 0 之处{where}。",
    "inside.activations.where": "（最多的是{layer}，{units} 个中有 {dead} 个）",
    "inside.activations.saturated": "在会饱和的函数之后的 {units} 个单元中，有 {stuck} 个在每一行都饱和。",
    "inside.activations.most_zero": "最多处于零侧的是{layer}（{function}）：占其输入的 {share}。",
    "inside.activations.most_saturated": "饱和最多的是{layer}（{function}）：占其输入的 {share}。",
    "inside.activations.most_linear": "最接近直线的是{layer}（{function}）：其输入的 {share} 落在线性部分。",
    "inside.activations.wide": "取值最宽的是{layer}：标准差 {deviation}，90% 位于 {low} 与 {high} 之间。",
    "inside.activations.missing": "{layers} 层中有 {count} 个值不是有限数。",
    "inside.activations.selective": "{layer}的单元最能区分类别：其中一半的单元至少有 {share} 的方差在类别之间（偶然水平为 {chance}）。",
    "inside.activations.related": "与特征最相关的是{layer}的单元 {unit}：与 {feature} 的 r = {r}。",
    "inside.activations.attention": "观察了 {layers} 层的 {heads} 个注意力头；最集中的是{layer}的第 {head} 个头，平均 {bits} 比特。",
    "inside.activations.limit": (
        "以上只对所给的行成立：在此死亡的单元在其他数据上可能会激活。平坦指斜率小于参考值的 1%，线性指相差不超过 5%；单元的用途并未显示。"
    ),
    "inside.structure.size": (
        "{model} 有 {parameters} 个参数，其中 {trainable} 个可训练；计算一行数据需要 {operations} 个运算、{flops} FLOPs。"
    ),
    "inside.structure.most": "参数最多的层是 {path}：{own} 个，占全部的 {share}。",
    "inside.structure.work": "运算最多的层是 {path}：占 FLOPs 的 {share}。",
    "inside.structure.idle": "在这些数据上，有 {count} 个带参数的层没有被单独调用：{items}。",
    "inside.structure.again": "被多次调用的有：{items}。",
    "inside.structure.calls": "{path}（{calls} 次）",
    "inside.structure.limit": "以上是在所给数据上实际运行的内容；对于其他数据，带分支的网络可能运行别的运算。时间取几次前向中最快的一次。",
    "inside.source.size": "{model} 计算一行数据用 {operations} 个运算，分布在 {functions} 个函数的 {lines} 行代码中。",
    "inside.source.none": "{model} 计算一行数据用 {operations} 个运算，没有对应的源码行。",
    "inside.source.work": "{function} 的第 {line} 行计算量最大：占 FLOPs 的 {share}。",
    "inside.source.again": "{function} 的第 {line} 行运行 {calls} 次。",
    "inside.source.idle": "在 {rows} 行数据上，{dead} 个单元从不激活，{saturated} 个始终饱和。",
    "inside.source.missing": "{items} 没有源码。",
    "inside.source.limit": "这是在所给数据上运行的代码；没有运行的行（未走到的分支）没有注释。时间取自最快的一批。",
    "inside.weights.size": "{model} 有 {parameters} 个参数，分布在 {weights} 个权重中；最大的 {name} 含 {own} 个（{share}）。",
    "inside.weights.rank": (
        "方向用得最少的是 {name}：稳定秩为 {rank}，满秩为 {full}。"
        "在 {count} 个矩阵中，有 {beyond} 个的最大奇异值超过同样大小的独立随机权重所能达到的值。"
    ),
    "inside.weights.strange": "有 {count} 个权重不是有限的数：{items}。",
    "inside.weights.dead": "{total} 个单元中，仅从权重看就有 {count} 个死亡：{items}。",
    "inside.weights.constant": "{total} 个单元中，有 {count} 个没有输入，总是给出同一个值：{items}。",
    "inside.weights.doubled": "{total} 个单元中，有 {count} 个在同一层有近似重复：{items}。",
    "inside.weights.sound": "仅从权重看，{total} 个单元中没有死亡的，也没有在同一层近似重复的。",
    "inside.weights.in": "{name} 中 {count} 个",
    "inside.weights.more": "另外 {count} 层",
    "inside.weights.rows": "在 {total} 层中，有 {count} 层的输出权重由所给数据的运行得知。",
    "inside.weights.guess": "在 {total} 层中，有 {count} 层的输出权重由全零输入的运行得知。",
    "inside.weights.none": "在 {total} 层中，有 {count} 层的输出权重已知，因为网络没有运行；给出数据可知道更多。",
    "inside.weights.change": "训练对 {most} 的改变最大，为其初始范数的 {far}（转动了 {angle}°），对 {least} 的改变最小，为 {near}。",
    "inside.weights.limit": (
        "权重本身不说明网络如何被使用：从权重看并非死亡的单元，在真实数据上也可能从不激活；大的权重也可能遇到几乎不变的输入。"
    ),
    "inside.gradient_flow.own": "{model} 在 {rows} 个样本上的平均损失为 {own}；在所示平面上，损失介于 {least} 与 {most} 之间。",
    "inside.gradient_flow.parameters": "坐标轴是参数 {x} 和 {y}；其余 {others} 个保持不变。",
    "inside.gradient_flow.both": "坐标轴是网络仅有的两个参数 {x} 和 {y}。",
    "inside.gradient_flow.trajectory": "坐标轴是各检查点离网络最远的两个方向：占其距离平方的 {share}。",
    "inside.gradient_flow.gradient": "在 {places} 个箭头处，平面内的梯度介于 {least} 与 {most} 之间。",
    "inside.gradient_flow.path": "{name}：{count} 个检查点，损失起初为 {first}，最后为 {last}，偏离平面至多 {off}。",
    "inside.gradient_flow.limit": "平面只是一个切片：看不到其余参数的作用，而动量法和 Adam 并不沿箭头走。",
    "inside.loss_landscape.own": "{model} 在 {rows} 行上的平均损失（{loss}）为 {own}。",
    "inside.loss_landscape.own_classes": "{model} 在 {rows} 行上的平均损失（{loss}）为 {own}，其中 {accuracy} 回答正确。",
    "inside.loss_landscape.guessing": "无论哪一行都给出同样的回答，损失为 {base}：网络没有从这些行学到东西。",
    "inside.loss_landscape.left_out": "没有标签的 {count} 行未计入。",
    "inside.loss_landscape.random": (
        "权重沿两个随机方向移动，其中每个滤波器与网络自己的等长；{parameters} 个参数中有 {still} 个（偏置和归一化层）不动。"
    ),
    "inside.loss_landscape.hessian": "权重沿损失弯曲得最厉害的两个方向移动。",
    "inside.loss_landscape.trajectory": (
        "权重在离 {count} 个检查点最近的平面上移动：它们距离平方的 {share} 在此平面内，离平面的距离中位数为 {off}，最大 {most}。"
        "第一个检查点的损失为 {first}，最后一个为 {last}。"
    ),
    "inside.loss_landscape.plane": "在此平面的 {points} 个点上，损失在 {least} 与 {most} 之间。",
    "inside.loss_landscape.lines": "在这两条直线的 {points} 个点上，损失在 {least} 与 {most} 之间。",
    "inside.loss_landscape.lower": "最低值 {least} 低于训练所得权重处的损失：对这些行来说，那里并不是损失的极小点。",
    "inside.loss_landscape.beyond": "在 {count} 个点上，损失过大，无法用数表示。",
    "inside.loss_landscape.between_none": (
        "沿直线到相距 {distance} 的另一个网络，损失由 {first} 变为 {last}，从未高于两端的连线：没有势垒。"
    ),
    "inside.loss_landscape.between_small": (
        "沿直线到相距 {distance} 的另一个网络，损失由 {first} 变为 {last}；途中（{at} 处）比两端的连线高 {barrier}，几乎算不上势垒。"
    ),
    "inside.loss_landscape.between_barrier": (
        "沿直线到相距 {distance} 的另一个网络，损失由 {first} 变为 {last}，途中有势垒：在 {at} 处比两端的连线高 {barrier}。"
    ),
    "inside.loss_landscape.between_accuracy": "准确率比两端的连线最多低 {fall}。",
    "inside.loss_landscape.sharpness": "海森矩阵的 {count} 个特征值中最大的，即锐度，为 {value}（残差 {residual}）。",
    "inside.loss_landscape.stable": "它低于 2 / 学习率 = {limit}；在二次函数上，梯度下降到此值为止是稳定的。",
    "inside.loss_landscape.unstable": "它高于 2 / 学习率 = {limit}；在二次函数上，超过此值梯度下降就不稳定。",
    "inside.loss_landscape.trace": "海森矩阵的迹为 {trace}，由 {probes} 次随机探测得出，标准误为 {error}。",
    "inside.loss_landscape.saddle": "存在负曲率的方向（{lowest}）：损失在此处没有极小点。",
    "inside.loss_landscape.differences": "此处 torch 不能求二阶导数，海森向量积由梯度的差分得到，精度较低：{why}。",
    "inside.loss_landscape.no_curvature": "没有曲率：{why}",
    "inside.loss_landscape.limit": (
        "平面只是一个切面，整个空间的维数与参数个数相同：平面之外的情形看不到，换一组方向图形也会不同。"
        "仅凭周围平坦，不能证明网络具有泛化能力（Dinh 等，2017）。"
    ),
}
