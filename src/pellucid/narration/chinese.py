# ruff: noqa: RUF001 (Chinese punctuation is meant)
"""The sentences in Simplified Chinese; the same keys and fields as the English catalog."""

from __future__ import annotations

from pellucid.narration.inside_chinese import INSIDE
from pellucid.narration.training_chinese import TRAINING

CHINESE = {
    "quote": "“{name}”",
    "list.separator": "、",
    "list.last": "、",
    "list.clause": "；",
    "list.sentence": "",
    "name.the output": "输出",
    "unknown": "未说明",
    # the network itself
    "quality.guessing": (
        "这个网络并不比瞎猜更好：{metric}为 {value}（95% 区间 {low} 至 {high}），而按基准率猜测即可达到 {base}。下面所说的一切，"
        "解释的是一个没有学到有用东西的网络。"
    ),
    "quality.guessing.plain": "这个网络并不比按基准率瞎猜更好。下面所说的一切，解释的是一个没有学到有用东西的网络。",
    "metric.accuracy": "准确率",
    "metric.rmse": "均方根误差",
    # what it decided
    "decision.only_just": "网络判断为{name}，概率 {p}，仅略高于{second}的 {p2}。",
    "decision.ahead": "网络判断为{name}，概率 {p}，高于{second}的 {p2}。",
    "decision.far": "网络判断为{name}，概率 {p}，远高于{second}的 {p2}。",
    "decision.label": "网络给{name}的概率是 {p}。",
    "decision.value": "网络给{name}的值是 {value}。",
    "decision.class": "网络判断为{name}；它的输出不能当作概率来读。",
    "decision.right": "真实标签是{truth}：网络判断正确。",
    "decision.wrong": "真实标签是{truth}：网络判断错误。",
    "decision.truth": "真实值是{truth}。",
    "decision.other": "这里解释的不是这个判断，而是{name}，其概率为 {p}。",
    "decision.other.score": "这里解释的不是这个判断，而是{name}，其得分为 {value}。",
    # what carried it
    "reasons.supported": "对{target}的得分起主要作用的是：{items}。",
    "reasons.unstable": "对{target}的得分起主要作用的可能是以下各项，但顺序会随随机种子改变：{items}。",
    "reasons.cautioned": "方法为{target}列出了以下各项；检验支持它，但方法本身存疑：{items}。",
    "reasons.weak": "方法为{target}列出了以下各项，但检验无法将其与随机选择区分开：{items}。",
    "reasons.unchecked": "方法为{target}列出了以下各项，尚无检验表明它是对的：{items}。",
    "reasons.together": "它们合计占全部 {count} 项归因的 {share}。",
    "item.raises": "{name} 使其升高 {amount}（占 {share}）",
    "item.lowers": "{name} 使其降低 {amount}（占 {share}）",
    "item.unsure": "{name}，方向无法判定（{amount} ± {error}，占 {share}）",
    "item.up": "{name}（占 {share}；数值增大会使其升高）",
    "item.down": "{name}（占 {share}；数值增大会使其降低）",
    "item.share": "{name}（占 {share}）",
    "item.token": "第 {position} 个词元",
    "item.pair": "{target}来自{origin}",
    "item.place": "第 {position} 个{name}",
    "reasons.none": "没有可列出的项：所有归因都为零。",
    "inputs.shares": "在全部归因中，{items}。",
    "inputs.share": "{share} 落在输入{name}",
    # where in a picture or a series
    "where.supported": "支持{target}的依据有 {share} 位于画面{region}，该处占画面的 {area}；最强的十分之一画面占 {top}。",
    "where.unstable": (
        "支持{target}的依据可能有 {share} 位于画面{region}，该处占画面的 {area}；最强的十分之一画面占 {top}；这会随随机种子改变。"
    ),
    "where.cautioned": (
        "热图把归于{target}的部分的 {share} 放在画面{region}（该处占画面的 {area}），{top} 放在最强的十分之一画面；"
        "检验支持它，但方法本身存疑。"
    ),
    "where.weak": (
        "热图把支持{target}的依据的 {share} 放在画面{region}（该处占画面的 {area}），{top} 放在最强的十分之一画面；但检验无法将"
        "其与随机热图区分开。"
    ),
    "where.unchecked": (
        "热图把支持{target}的依据的 {share} 放在画面{region}（该处占画面的 {area}），{top} 放在最强的十分之一画面；尚无检验表明它是对的。"
    ),
    "where.slope": "{target}的得分对画面{region}的变化最敏感：占全部敏感度的 {share}（占画面的 {area}）。",
    "where.magnitude": (
        "热图的 {share} 位于画面{region}（该处占画面的 {area}），{top} 位于最强的十分之一画面；它不说明这是支持还是反对{target}。"
    ),
    "where.doubt.unstable": "这会随随机种子改变。",
    "where.doubt.cautioned": "检验支持它，但方法本身存疑。",
    "where.doubt.weak": "检验无法将其与随机热图区分开。",
    "where.doubt.unchecked": "尚无检验表明它是对的。",
    "where.spread": "画面中没有突出的部分：即使最密集的九分之一，其占比也不到其面积份额的两倍。",
    "where.coarse": "热图只有 {rows} × {columns} 格，位置不可能说得更细。",
    "where.none": "画面中没有任何部分支持{target}：热图没有正值。",
    "when.0": "前三分之一",
    "when.1": "中间三分之一",
    "when.2": "后三分之一",
    "when.supported": "对{target}的全部归因有 {share} 位于序列的{part}；最强的十分之一时间步占 {top}。",
    "when.unstable": "对{target}的全部归因可能有 {share} 位于序列的{part}，最强的十分之一时间步占 {top}；这会随随机种子改变。",
    "when.cautioned": "方法把对{target}的全部归因的 {share} 放在序列的{part}，{top} 放在最强的十分之一时间步；检验支持它，但方法本身存疑。",
    "when.weak": "方法把对{target}的全部归因的 {share} 放在序列的{part}，{top} 放在最强的十分之一时间步；但检验无法将其与偶然区分开。",
    "when.unchecked": "方法把对{target}的全部归因的 {share} 放在序列的{part}，{top} 放在最强的十分之一时间步；尚无检验表明它是对的。",
    # what happens without it
    "scale.produced": "各生成词元按自己的顺序，{scale}的均值",
    "removal.falls": "去掉最强的 {fraction} 后，得分（{scale}）从 {start} 降到 {after}",
    "removal.stays": "去掉最强的 {fraction} 后，得分（{scale}）并未下降：之前 {start}，之后 {after}",
    "removal.random": "；随机去掉同样多则为 {mean}（95% 的随机顺序在 {low} 至 {high} 之间）",
    "removal.clearly": "，降幅明显超过偶然。",
    "removal.probably": "，降幅超过随机的平均值，但无法与偶然区分开。",
    "removal.same": "，降幅无法与偶然区分开。",
    # what the checks say
    "verdict.supported": "检验支持这个解释（{method}）。",
    "verdict.weak": "这个解释（{method}）依据不足：{reasons}。",
    "verdict.refused": "这个解释（{method}）不可信：{reasons}。它所标出的内容不可当作网络的理由。",
    "verdict.unchecked": "这个解释（{method}）未经检验：{reasons}。它是否正确不得而知。",
    "reason.not_finite": "其中含有非有限数值",
    "reason.identity_broken": "{check}不成立：偏差为 {value}，而方法自己声明的误差是 {reference}",
    "reason.identity_broken.plain": "方法所承诺的恒等式不成立",
    "reason.not_better_than_random": "{check}得分为 {value}，随机顺序为 {reference}，并不优于偶然",
    "reason.not_better_than_random.plain": "按其顺序去除并不比按随机顺序去除更有效",
    "reason.interval_includes_random": "{check}得分为 {value}，其区间包含随机顺序的 {reference}",
    "reason.interval_includes_random.plain": "其效果无法与随机顺序区分开",
    "reason.unresolved": "重新抽样时，最强的各项预计只有 {value} 会再次被列出（{check}；需要 {reference}）",
    "reason.unresolved.plain": "重新抽样会列出不同的最强项",
    "reason.poor_fit": "拟合的简单模型在此处只能解释网络的 {value}（{check}；需要 {reference}）",
    "reason.poor_fit.plain": "拟合的简单模型在此处不能描述网络",
    "reason.fails_randomization.plain": "已知该方法对什么都没学到的网络也画出几乎相同的图",
    "reason.attention_is_not_importance.plain": "已知网络注意的位置并不等于决定输出的原因",
    "reason.ignores_target.plain": "该方法不考虑目标，对每个类别都给出同一张图",
    "reason.unstable_over_seeds": "换一个随机种子后，最强的各项只有 {value} 保持不变（需要 {reference}）",
    "reason.unstable_over_seeds.plain": "最强的各项会随随机种子改变",
    "reason.ignores_parameters.plain": "打乱网络参数后它几乎不变",
    "reason.unchecked": "没有运行任何检验",
    "reason.no_difference": "有没有输入，得分都一样（{value}），因此没有什么可解释的",
    "reason.no_difference.plain": "有没有输入，得分都一样，因此没有什么可解释的",
    "reason.other": "{code}",
    "identity.holds": "各项归因之和等于得分的变化：偏差 {value}，声明的误差为 {reference}（{check}）。",
    "identity.broken": "各项归因之和不等于得分的变化：偏差 {value}，声明的误差为 {reference}（{check}）。",
    "identity.conservation.holds": "账目平衡：输入与其他各项之和与得分相差 {value}，舍入误差可达 {reference}（{check}）。",
    "identity.conservation.broken": "账目不平衡：输入与其他各项之和与得分相差 {value}，舍入误差至多 {reference}（{check}）。",
    "ledger": "得分（{scale}）{score} 之中：{items}。",
    "ledger.item": "{entry}占 {amount}（{share}）",
    "ledger.plain": "{entry}占 {amount}",
    "ledger.inputs": "输入",
    "ledger.biases": "偏置",
    "ledger.constants": "网络内部的常量",
    "ledger.softmax": "softmax（其规则只传递一部分）",
    "ledger.epsilon": "稳定项 epsilon ",
    "ledger.nonlinear": "非线性函数",
    "ledger.elsewhere": "未经过所选单元的部分",
    "faithfulness.deletion": "从最强的开始删除，得分（{scale}）平均为 {value}（95% 区间 {low} 至 {high}），随机顺序为 {reference}",
    "faithfulness.insertion": "从最强的开始放回，得分（{scale}）平均为 {value}（95% 区间 {low} 至 {high}），随机顺序为 {reference}",
    "faithfulness.other": "该顺序得分 {value}（95% 区间 {low} 至 {high}），随机顺序为 {reference}",
    "faithfulness.all": "：优于全部 {orders} 个随机顺序（{check}{p}）。",
    "faithfulness.clearly": "：明显优于偶然（{check}{p}）。",
    "faithfulness.probably": "：可能优于偶然，但其区间也包含偶然水平（{check}{p}）。",
    "faithfulness.same": "：无法与偶然区分开（{check}{p}）。",
    "faithfulness.worse": "：并不优于偶然（{check}{p}）。",
    "p": "，{p}",
    "reason.ignores_parameters": "打乱网络参数后它几乎不变（相似度 {value}；整个区间必须低于 {reference}）",
    "sensitivity.holds": "打乱参数后，解释随之改变：相似度 {value}，低于 {reference}（{check}）。",
    "sensitivity.broken": "打乱参数后，解释几乎不变：相似度 {value}，最高 {high}，必须低于 {reference}（{check}）。",
    "resolution.holds": "重新抽样时，最强的各项预计有 {value} 会再次被列出；需要 {reference}（{check}）。",
    "resolution.broken": "重新抽样时，最强的各项预计只有 {value} 会再次被列出；需要 {reference}（{check}）。",
    "fit.holds": "拟合的简单模型在此处能解释网络的 {value}，需要 {reference}（{check}）。",
    "fit.broken": "拟合的简单模型在此处只能解释网络的 {value}，需要 {reference}（{check}）。",
    "comparison.best": "在 {count} 种方法中，网络最明确地证实了{method}：其顺序比随机顺序领先 {lead} 个标准差。",
    "comparison.none": "{count} 种方法都没有明显优于随机顺序，因此这里都不应采信。",
    "comparison.ranked": "按实测忠实度排序：{list}。",
    "comparison.agree": "{first}与{second}最一致（秩相关 {value}）。",
    "comparison.differ": "{first}与{second}最不一致（{value}）：在分歧之处，至多一个是对的。",
    "comparison.alike": "即使最不一致的{first}与{second}，所指也几乎相同（{value}）。",
    "comparison.refused": "{method}在 {rows} 行中有 {count} 行被拒绝。",
    "comparison.failed": "{method}在此无法使用：{why}",
    "permuted.found": "在 {rows} 行有标签的数据上，{score}为 {reference}；打乱下列特征时变差最多：{items}。",
    "permuted.item": "{name}（{value}）",
    "permuted.clear": "{total} 个特征中有 {count} 个明显起作用（各行的 95% 区间在零以上）。",
    "permuted.none": "在 {rows} 行有标签的数据上，{score}为 {reference}；单独打乱任何一个特征都没有使其明显变差。",
    "permuted.error": "{repeats} 次打乱的标准误差不超过 {error}。",
    "permuted.limit": (
        "这说明的是网络在这些行上使用了什么，而不是什么导致了标签。内容相同的特征会互相掩盖；"
        "打乱后的特征与该行其余部分不再相符，网络面对的可能是并不存在的行。"
    ),
    "comparison.how": "所有方法都以相同的部分衡量，以{infill}替换；排序并不能裁定方法之间的分歧。",
    "stability.holds": "换用其他随机种子，最强的各项有 {value} 保持不变；需要 {reference}（{check}）。",
    "stability.broken": "换用其他随机种子，最强的各项只有 {value} 保持不变；需要 {reference}（{check}）。",
    "check.unknown": "{check}的结果不是数值，因此什么也说明不了。",
    # what this does not show
    "limit.exact.shap": "没有抽样：对于这些背景行，数值在舍入误差内是精确的。",
    "limit.exact": "沿基线到输入的直线，积分在舍入误差内是精确的；对直线以外的情形不作说明。",
    "limit.integrated_gradients": "积分梯度只与一个基线（{baseline}）相比较；换一个基线，答案可能不同。",
    "limit.deeplift": "DeepLIFT 只与一个基线（{baseline}）相比较，并逐个运算分摊差值：从基线到此处的途中各运算如何共同起作用，它看不到。",
    "limit.lrp": (
        "LRP 只是分摊得分的一种方式，换一种规则，分法就不同；它不说明输入改变后会怎样；"
        "值为零的输入在多数规则下分不到任何份额，无论这个零有多重要。"
    ),
    "limit.guided_backprop": "导向反向传播还原输入的边缘；它几乎不取决于网络学到了什么，也几乎不取决于所问的类别。",
    "limit.deconvolution": "反卷积还原输入的边缘；它几乎不取决于网络学到了什么，也几乎不取决于所问的类别。",
    "limit.fullgrad": "FullGrad 没有正负号：它不区分支持与反对答案的依据，并且各层在图中分量相同。",
    "limit.expected_gradients": (
        "期望梯度与整个背景（{baseline}）相比较并取平均；换一个背景，答案可能不同；平均值也不说明某个数值来自哪一行背景。"
    ),
    "limit.conductance": (
        "传导只追踪从一个基线（{baseline}）出发、流经一层（{layer}）的部分；绕过该层的部分看不到，各单元如何共同作用也看不到。"
    ),
    "limit.deepshap": (
        "DeepSHAP 是在背景（{baseline}）上的平均；换一个背景，答案可能不同。它逐个运算分摊差值，因此在特征共同起作用之处并不是精确的 "
        "Shapley 值。"
    ),
    "limit.baselines": (
        "这是几个基线（{baseline}）下的平均。换用其中不同的基线时，各数值合计变动可达其总量的 ±{share}；再换别的基线，答案还可能不同。"
    ),
    "limit.gradient": "梯度说明得分对此处微小变化的反应，并不说明某个特征贡献了多少得分。",
    "limit.smoothgrad": "SmoothGrad 对此处附近的梯度取平均；它说明得分在附近如何反应，并不说明某个特征贡献了多少得分。",
    "limit.gradient_times_input": "梯度 × 输入只对线性网络精确；在别处，它把此处的斜率当成一直到零的斜率。",
    "limit.attention": "原始注意力说明网络看向哪里，并不说明它用了什么：权重不反映被加权的值，改变权重也未必改变答案。",
    "limit.attention_norm": "值加权注意力衡量一个词元在注意力层中传出多少；这支持还是反对答案，以及后面各层如何使用，都不在其中。",
    "limit.attention_rollout": "注意力展开把各层的原始注意力相乘，并把层与层之间的一切当作恒等映射；无论解释哪个答案，结果都一样。",
    "limit.attention_gradient": "梯度加权注意力只在一阶上追踪注意力；经由值传递的和绕过注意力层的部分，都不在其中。",
    "limit.shap": (
        "Shapley 值是各部分按所有加入次序平均下来带来的得分变化，不在场的部分以“{baseline}”代替；换一种代替就是另一个问题，"
        "几部分共同作用才有的效果则在它们之间平分。"
    ),
    "limit.occlusion": "遮挡法说明某一部分被填充值（{baseline}）取代后会怎样；换一种填充，答案可能不同；可以互相替代的部分都会被低估。",
    "response.row": "{name} 从 {low} 变到 {high} 时，{target}的得分从 {start} 变到 {end}（变化范围 {range}）",
    "response.list": "其余不变时，{items}。",
    "response.average": "就背景数据平均而言，{items}。",
    "response.mean": "{name} 这样变动使其改变 {mean}；若每行只在自己的取值附近变动，则改变 {ale}",
    "response.surface": (
        "{first} 与 {second} 一起变动时，{target}的得分从 {low} 到 {high}，最高处 {first} = {first_at}、{second} = {second_at}。"
    ),
    "limit.sensitivity": "曲线只移动一个特征而固定其余，即使这样的行并不存在；只有累积局部效应不离开数据。",
    "limit.sobol": (
        "Sobol 指数说明当各部分与填充值（{baseline}）混合时，得分的变动有多少与某一部分有关；"
        "它没有正负，也不说明这一部分是单独起作用还是与其他部分"
        "共同起作用。"
    ),
    "limit.mask": (
        "优化遮罩给出其余部分换成填充值（{baseline}）后仍能保住得分的一小块；别的部分也可能做得到，而不利于目标的依据不在其中。"
    ),
    "limit.rise": (
        "RISE 透过随机遮罩来观察，遮罩的粗细不小于一格，被遮住的部分由填充值（{baseline}）取代：小于一格的细节无法分辨；"
        "换一种填充，答案可能不同。"
    ),
    "limit.lime": (
        "LIME 用一个线性模型描述网络：各部分要么保留，要么被填充值（{baseline}）取代；介于两者之间的情形，以及只有共同出现才起作用的部分，"
        "都不在其中；换一种填充，答案可能不同。"
    ),
    "limit.gradcam": "Grad-CAM 只看一层（{layer}）：更前面的层在一格之内做了什么，它看不到；后面各层的组合被当作简单相加。",
    "limit.gradcam++": "Grad-CAM++ 只看 {layer}，并且只计其中支持目标的部分；反对目标的依据和一格之内的细节，它看不到。",
    "limit.hirescam": "HiResCAM 只看 {layer}：更前面的层在一格之内做了什么，它看不到；后面各层的组合被当作简单相加。",
    "limit.layercam": "LayerCAM 只看 {layer}，并且只计其中支持目标的部分；反对目标的依据它看不到，后面各层的组合被当作简单相加。",
    "limit.scorecam": (
        "Score-CAM 用 {layer} 的通道遮挡输入，被遮挡处变为零；反对目标的依据它看不到；得分较大时，几乎全部权重会落在一个通道上。"
    ),
    "limit.ablationcam": "Ablation-CAM 每次只关闭 {layer} 的一个通道：可以互相替代的通道都会被低估，一格之内的细节也看不到。",
    "limit.eigencam": "Eigen-CAM 只说明 {layer} 在哪里响应最强，与目标无关：对每个类别都是同一张图。",
    "limit.random": "这些数是作为对照随机抽取的，与网络毫无关系。",
    "limit.imported": "这些数值由另一个工具算出，其含义以该工具的说法为准；这里测量过的只有检验所测的内容。",
    "limit.other": "换一种方法，答案可能不同；据此行动之前，请比较几种方法。",
    "limit.causal": "这是网络所用的依据，不是现实中的因果关系。",
    "limit.row": "它只对这一行成立。",
    "limit.rows": "它只对这 {count} 行成立。",
    "limit.probability": "概率是网络自己的说法：在这样的概率下它有多少次是对的，这里没有测量。",
    "limit.guesses": "对模型或数据有 {count} 处猜测，见来源记录。",
    # several rows
    "summary.rows": "共解释了 {count} 行：{levels}。",
    "summary.right": "在 {total} 行已知标签的数据中，网络判断正确 {count} 行。",
    "summary.supported": "{count} 行有依据",
    "summary.weak": "{count} 行依据不足",
    "summary.refused": "{count} 行不可信",
    "summary.unchecked": "{count} 行未经检验",
    "summary.reason": "在 {total} 行中的 {count} 行，{reason}。",
    "summary.all_refused": "每一行都不可信，因此不列出任何理由。",
    "summary.features": "除去不可信的行，在其余 {total} 行中，最常进入前三的是：{items}。",
    "summary.regions": "除去不可信的行，在其余 {total} 行中，支持目标的依据最集中的位置：{items}。",
    "summary.item": "{name}（{count} 行）",
    "summary.removal": (
        "在 {total} 行中的 {count} 行，去掉最强的 {fraction} 后，得分（{scale}）低于 95% 的随机顺序；其平均值从 {start} 降到 "
        "{after}，随机去除则降到 {mean}。"
    ),
    **INSIDE,
    **TRAINING,
}
