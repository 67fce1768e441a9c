"""Translation: one JSON catalogue per area and language, served through Qt's own translator.

A `QTranslator` of ours answers from the JSON, so that installing it makes Qt send LanguageChange to
every widget: a view re-reads its texts in `changeEvent`. English is the source, so it needs no file.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator, Signal

from core.language import LANGUAGES, catalogue
from core.values import Text

__all__ = ["LANGUAGES", "PSEUDO", "Translations", "system_language", "tr", "tr_text"]

PSEUDO = "pseudo"
"""A language for development (`SECATEUR_LANGUAGE=pseudo`): every string that is translated comes back
lengthened and in ⟦brackets⟧, so that one that is not shows, and one that has no room."""
_LONGER = 0.35
"""By what part of its length a string grows: about what other European languages take beyond English."""


def tr(template: str) -> str:
    """Translate a literal. Never pass an f-string: format what comes back."""
    return QCoreApplication.translate("secateur", template)


def in_pseudo() -> bool:
    """Whether the pseudo-language is in force: no other has this word."""
    return QCoreApplication.translate("secateur", PSEUDO) != PSEUDO


def tr_text(sentence: Text | None) -> str:
    """Translate a sentence that came from `core`."""
    if sentence is None or not sentence.template:
        return ""
    return tr(sentence.template).format(**sentence.params)


class _JsonTranslator(QTranslator):
    def __init__(self, language: str, parent: QObject) -> None:
        super().__init__(parent)
        self._pseudo = language == PSEUDO
        self._entries = catalogue(language)

    def isEmpty(self) -> bool:
        return False

    def translate(
        self, context: str, source: str, disambiguation: str | None = None, n: int = -1
    ) -> str | None:
        if context != "secateur":
            return None
        if self._pseudo:
            return pseudo(source)
        return self._entries.get(source)


def pseudo(source: str) -> str:
    """'Open' becomes '⟦Open ~~⟧'. Long ones grow by several words, so that they wrap as words do."""
    more = max(2, round(len(source) * _LONGER))
    padding = " ".join(["~~~~~"] * (more // 6) + ["~" * max(1, more % 6)])
    return f"⟦{source} {padding}⟧"


class Translations(QObject):
    """Holds the chosen language. `changed` fires after Qt has sent LanguageChange."""

    changed = Signal(str)

    def __init__(self, application: QCoreApplication, language: str = "") -> None:
        super().__init__(application)
        self._application = application
        self._installed: list[QTranslator] = []
        self.language = "en"
        self.choose(language or system_language())

    def choose(self, language: str) -> None:
        for translator in self._installed:
            self._application.removeTranslator(translator)
            translator.deleteLater()
        self._installed = []
        self.language = language
        QLocale.setDefault(QLocale(language if language != PSEUDO else "en"))
        if language != "en":
            qt_own = QTranslator(self)
            folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
            if Path(folder).is_dir() and qt_own.load(f"qtbase_{language}", folder):
                self._application.installTranslator(qt_own)
                self._installed.append(qt_own)
        # installed for English too: that is what makes Qt send LanguageChange
        ours = _JsonTranslator(language, self)
        self._application.installTranslator(ours)
        self._installed.append(ours)
        self.changed.emit(language)


def system_language() -> str:
    """The language of LANGUAGES that fits the system's locale best."""
    return "zh_CN" if QLocale.system().language() == QLocale.Language.Chinese else "en"
