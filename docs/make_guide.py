"""Writes the two-minute tour in docs/guide/ in each language, from the pictures in docs/pictures/.

    python docs/make_guide.py

Names of controls stand in {braces}, in English, and are written as the window has them in that language.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.language import LANGUAGES, catalogue  # noqa: E402

GUIDE = ROOT / "docs" / "guide"
FILES = {"en": "README.md", "zh_CN": "README.zh-CN.md"}
CONTROL = re.compile(r"\{([^}]+)\}")

CHAPTERS: tuple[tuple[str, dict[str, tuple[str, str]]], ...] = (
    (
        "sample-start",
        {
            "en": (
                "Begin",
                "Press **{Try the sample}**: a small network that reads handwritten digits, with its "
                "pictures. With a model of your own, drop its file anywhere on the window, or press "
                "**{Open a model…}**. The file itself is never changed.",
            ),
            "zh_CN": (
                "开始",
                "按**{Try the sample}**：一个识别手写数字的小网络，自带图片。若用自己的模型，"
                "把文件拖到窗口任意处，或按**{Open a model…}**。原文件不会被改动。",
            ),
        },
    ),
    (
        "sample-tour",
        {
            "en": (
                "Let yourself be shown around",
                "At the first start a tour points at one control after another. It follows what you do and "
                "never gets in the way. **{Skip}** ends it; F1, or **{Show me around}** in the menu "
                "**{Help and more}**, brings it back.",
            ),
            "zh_CN": (
                "跟着导览走",
                "首次启动时，导览会依次指出各个控件。导览会跟随您的操作，不会打断您。按**{Skip}**结束；"
                "按 F1 或**{Help and more}**菜单中的**{Show me around}**可再次打开。",
            ),
        },
    ),
    (
        "sample-goal",
        {
            "en": (
                "Say what matters",
                "Choose under *{Your goal:}* what the smaller model must keep to, such as “{at most 1 "
                "more mistake in 100}” or “{a quarter of the size}”. Then press **{Find the best plan}**. "
                "This button, at the right, always does what comes next; so does Ctrl+Return.",
            ),
            "zh_CN": (
                "说明您的目标",
                "在*{Your goal:}*处选择更小的模型必须满足的要求，例如“{at most 1 more mistake in 100}”"
                "或“{a quarter of the size}”。然后按**{Find the best plan}**。右侧的这个按钮总是执行下一步；"
                "Ctrl+回车也一样。",
            ),
        },
    ),
    (
        "sample-search",
        {
            "en": (
                "What each layer can spare",
                "Every layer is changed by itself, and what the whole network makes of it is measured. "
                "The stronger a layer's colour, the more it is needed. At the top you see the stage and the "
                "time that is left; **{Stop}** keeps what was found.",
            ),
            "zh_CN": (
                "每一层能精简多少",
                "逐层单独改动，并测量整个网络因此受到的影响。层的颜色越深，就越不可缺少。"
                "上方显示当前阶段和剩余时间；**{Stop}**会保留已有的发现。",
            ),
        },
    ),
    (
        "sample-plan",
        {
            "en": (
                "The plan",
                "Each layer got what it can bear, and the plan was measured on samples that had no part "
                "in finding it. The curve under **{Best plans}** shows the others; a click takes one. You "
                "may change anything in the table, and **{Undo}** takes it back. At the bottom you see "
                "size, time and accuracy, before and after.",
            ),
            "zh_CN": (
                "方案",
                "每一层只做它能承受的压缩；方案的效果是用没有参与寻找的样本测得的。**{Best plans}**中的曲线"
                "是其他可选方案，点击即可采用。表格中的内容都可以修改，按**{Undo}**即可撤回。"
                "底部是压缩前后的大小、耗时和准确率。",
            ),
        },
    ),
    (
        "sample-run",
        {
            "en": (
                "Make the smaller model",
                "Press **{Make the smaller model}**. The picture shows the accuracy after each layer, and "
                "which layer cost most.",
            ),
            "zh_CN": (
                "生成更小的模型",
                "按**{Make the smaller model}**。图中显示每完成一层后的准确率，以及哪一层损失最多。",
            ),
        },
    ),
    (
        "sample-saved",
        {
            "en": (
                "Save it",
                "Press **{Save it as a file…}** and choose a place. The file is checked after it was "
                "written, and a report in plain words lies beside it: **{Open the report}**.",
            ),
            "zh_CN": (
                "保存",
                "按**{Save it as a file…}**并选择位置。文件写好后会再检查一遍，旁边还附有一份通俗易懂的报告："
                "**{Open the report}**。",
            ),
        },
    ),
    (
        "sample-changed",
        {
            "en": (
                "See what changed",
                "**{See what changed}** shows, class by class, what became better or worse, and the "
                "samples that are now answered differently.",
            ),
            "zh_CN": (
                "查看有何变化",
                "**{See what changed}**逐类显示哪些变好、哪些变差，以及回答发生变化的样本。",
            ),
        },
    ),
)
FRAME = {
    "en": (
        "# Secateur in two minutes",
        "From the first screen to a smaller file, in five clicks. [简体中文](README.zh-CN.md)",
        "Point at a word with dots under it, and it is explained. All of these words are in "
        "**{What the words mean}** (Ctrl+G), and all keys in **{Keyboard shortcuts}** (Ctrl+/).",
    ),
    "zh_CN": (
        "# 两分钟认识 Secateur",
        "从第一个画面到更小的文件，只需五次点击。[English](README.md)",
        "带点线的词，把鼠标停在上面就会显示解释。全部词条见**{What the words mean}**（Ctrl+G），"
        "全部快捷键见**{Keyboard shortcuts}**（Ctrl+/）。",
    ),
}


def controls() -> set[str]:
    """The English names of all controls that the guide speaks of."""
    texts = [part for chapter in CHAPTERS for part in chapter[1]["en"]] + list(FRAME["en"])
    return {name for text in texts for name in CONTROL.findall(text)}


def named(text: str, language: str) -> str:
    """`text` with the controls' names as the window has them. Raises KeyError for a name it doesn't know."""
    known = catalogue(language)

    def write(found: re.Match[str]) -> str:
        name = found[1] if language == "en" else known[found[1]]
        return name.rstrip(":：")

    return CONTROL.sub(write, text)


def guide(language: str) -> str:
    """The page as Markdown."""
    title, lead, end = FRAME[language]
    parts = [title, named(lead, language)]
    for number, (picture, told) in enumerate(CHAPTERS, 1):
        heading, words = told[language]
        parts.append(f"## {number}. {heading}")
        parts.append(named(words, language))
        parts.append(f"![{heading}](../pictures/{picture}-light-{language}.png)")
    parts.append(named(end, language))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    GUIDE.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        (GUIDE / FILES[language]).write_text(guide(language), encoding="utf-8")


if __name__ == "__main__":
    main()
