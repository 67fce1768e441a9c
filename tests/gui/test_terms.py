"""One word for one thing, and Chinese set as Chinese is, in all sentences of catalogues and glossary."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "gui" / "translations"
HAN = "[\u4e00-\u9fff]"
ONE_WORD = {
    "取整": "舍入",  # rounding
    "运算量": "计算量",  # work
    "损伤": "损害",  # damage
    "打包后": "压缩包",  # zipped
    "计算机": "电脑",
    "载入": "加载",
    "舍弃": "精简",  # to spare
    "原始模型": "原模型",
    "按键": "快捷键",
}
"""Words that are not said, and what is said instead."""
MISSET = {
    "half-width punctuation": rf"{HAN}[,;:!?]{HAN}|{HAN}[,;!?] {HAN}|{HAN}\.$",
    "a space within Chinese": rf"{HAN} +{HAN}",
    "half-width brackets": rf"{HAN}\(|\){HAN}",
    "no space beside Latin letters": rf"{HAN}[A-Za-z0-9]|[A-Za-z0-9%]{HAN}",
    "a space beside full-width punctuation": "[，。：；（）、] | [，。：；）、]",
}
ALLOWED = ("最优脑损伤", "请导出它的原始模型", "请打开它的原始模型")
"""A method's name, and models that another file was made from."""


def sentences() -> Iterator[str]:
    for path in sorted((ROOT / "zh_CN").glob("*.json")):
        yield from json.loads(path.read_text(encoding="utf-8")).values()
    for entry in json.loads((ROOT / "glossary" / "zh_CN.json").read_text(encoding="utf-8")):
        yield from (entry["term"], entry["meaning"])


@pytest.mark.parametrize("word", ONE_WORD)
def test_one_word_is_said_for_one_thing(word: str) -> None:
    said = [one for one in sentences() if word in one and not any(words in one for words in ALLOWED)]
    assert not said, f"say {ONE_WORD[word]}"


@pytest.mark.parametrize("what", MISSET)
def test_chinese_is_set_as_chinese(what: str) -> None:
    assert not [one for one in sentences() if re.search(MISSET[what], one)]
