# ruff: noqa: RUF001 (Chinese punctuation is meant)
"""The demo's own words, in both languages."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh-CN"]

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Three networks, explained and measured",
        "intro": "A small network that reads digits, one that judges breast masses, and one that names photos.",
        "disclosure": "It holds six test digits, a patient's 30 measurements from a public data set, and scikit-image's photos.",
        "digits": "1  Handwritten digits",
        "patient": "One patient, explained by {method}",
        "patients": "2  A patient",
        "photo": "3  Why a tiger cat?",
        "digits_quality": "The digit network: how good is it?",
        "patients_quality": "The patient network: how good is it?",
        "mistake": "A mistake: read as {predicted}, in truth {true}",
        "cat": "Why tiger cat? {method}",
        "grid": "Does it point at the cat? {method}",
        "points": "{method}: {share} of the positive mass is on the cat, which covers {chance} of the picture: it points there.",
        "misses": "{method}: {share} of the positive mass is on the cat, which covers {chance} of the picture: that is not pointing at it.",
        "photo_verdicts": "On the cat photo, where the cat fills what the network sees:",
        "written": "The report: {path}",
        "pictures": "Pictures: {path}",
        "skipped": "skipped: {reason}",
    },
    "zh-CN": {
        "title": "三个网络：解释及其检验",
        "intro": "一个识别手写数字的小网络，一个判断乳腺肿块的网络，以及一个给照片命名的网络。",
        "disclosure": "文件含有六张测试数字图像、公开数据集中一位患者的 30 项测量值，以及 scikit-image 自带的照片。",
        "digits": "1  手写数字",
        "patient": "一位患者的解释：{method}",
        "patients": "2  一位患者",
        "photo": "3  为什么是虎斑猫（tiger cat）？",
        "digits_quality": "数字网络的水平如何？",
        "patients_quality": "患者网络的水平如何？",
        "mistake": "一个错误：读作 {predicted}，实际是 {true}",
        "cat": "为什么是 tiger cat？{method}",
        "grid": "它指向猫吗？{method}",
        "points": "{method}：{share} 的正归因落在猫身上，猫占画面的 {chance}：它指向猫。",
        "misses": "{method}：{share} 的正归因落在猫身上，猫占画面的 {chance}：不足以说明它指向猫。",
        "photo_verdicts": "在猫的照片上（网络看到的几乎全是猫）：",
        "written": "报告：{path}",
        "pictures": "图片：{path}",
        "skipped": "已跳过：{reason}",
    },
}
