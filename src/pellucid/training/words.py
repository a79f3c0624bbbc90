"""The two sentences that say how good a network is, in English and Simplified Chinese."""

# ruff: noqa: RUF001  (full-width punctuation is right in Chinese)
from __future__ import annotations

SUMMARY: dict[str, dict[str, str]] = {
    "en": {
        "classification": "{samples} rows: accuracy {value:.1%} (95 % interval {low:.1%} to {high:.1%}); always answering "
        "{majority} gets {base:.1%}. {verdict}",
        "regression": "{samples} rows: root mean squared error {value:.4g} (95 % interval {low:.4g} to {high:.4g}); always answering "
        "the mean gets {base:.4g}. {verdict}",
        "better": "The network is better than guessing (p = {p:.2g}).",
        "equal": "The network is no better than guessing (p = {p:.2g}).",
    },
    "zh-CN": {
        "classification": "{samples} 个样本：准确率 {value:.1%}（95% 区间 {low:.1%} 至 {high:.1%}）；"
        "总是回答 {majority} 也有 {base:.1%}。{verdict}",
        "regression": "{samples} 个样本：均方根误差 {value:.4g}（95% 区间 {low:.4g} 至 {high:.4g}）；"
        "总是回答平均值则为 {base:.4g}。{verdict}",
        "better": "该网络优于盲猜（p = {p:.2g}）。",
        "equal": "该网络不比盲猜好（p = {p:.2g}）。",
    },
}
