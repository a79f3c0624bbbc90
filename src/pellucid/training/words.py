"""The two sentences that say how good a network is, in English and Simplified Chinese."""

# ruff: noqa: RUF001  (full-width punctuation is right in Chinese)
from __future__ import annotations

SUMMARY: dict[str, dict[str, str]] = {
    "en": {
        "classification": "{samples} rows: accuracy {value} (95 % interval {low} to {high}); always answering "
        "“{majority}” gets {base}. {verdict}",
        "regression": "{samples} rows: root mean squared error {value} (95 % interval {low} to {high}); always answering "
        "the mean gets {base}. {verdict}",
        "better": "The network is better than guessing ({p}).",
        "equal": "The network is no better than guessing ({p}).",
    },
    "zh-CN": {
        "classification": "{samples} 个样本：准确率 {value}（95% 区间 {low} 至 {high}）；总是回答“{majority}”也有 {base}。{verdict}",
        "regression": "{samples} 个样本：均方根误差 {value}（95% 区间 {low} 至 {high}）；总是回答平均值则为 {base}。{verdict}",
        "better": "该网络优于盲猜（{p}）。",
        "equal": "该网络不比盲猜好（{p}）。",
    },
}
