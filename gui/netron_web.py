"""The web view that holds Netron. Import it only when it is wanted: QtWebEngine may be missing."""

from __future__ import annotations

import json
from collections.abc import Mapping

import shiboken6
from PySide6.QtCore import (
    QBuffer,
    QByteArray,
    QCoreApplication,
    QFile,
    QIODevice,
    QObject,
    QTimer,
    QUrl,
    Signal,
)
from PySide6.QtGui import QColor
from PySide6.QtWebEngineCore import (
    QWebEnginePage,
    QWebEngineProfile,
    QWebEngineScript,
    QWebEngineSettings,
    QWebEngineUrlRequestInfo,
    QWebEngineUrlRequestInterceptor,
    QWebEngineUrlRequestJob,
    QWebEngineUrlScheme,
    QWebEngineUrlSchemeHandler,
)
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QWidget

from gui.netron_page import (
    COOKIE_SCRIPT,
    HOST,
    MARK_SCRIPT,
    PAINT_SCRIPT,
    SCHEME,
    START,
    WATCH_SCRIPT,
    NetronFiles,
)

_NAME = QByteArray(SCHEME.encode())


def _register() -> None:
    """Make the scheme known. Must precede the first profile of the process; a second call does nothing."""
    if QWebEngineUrlScheme.schemeByName(_NAME).name() == _NAME:
        return
    scheme = QWebEngineUrlScheme(_NAME)
    scheme.setSyntax(QWebEngineUrlScheme.Syntax.Host)
    # modules and XMLHttpRequest want CORS, workers want a secure origin
    scheme.setFlags(
        QWebEngineUrlScheme.Flag.SecureScheme
        | QWebEngineUrlScheme.Flag.CorsEnabled
        | QWebEngineUrlScheme.Flag.FetchApiAllowed
    )
    QWebEngineUrlScheme.registerScheme(scheme)


class _Handler(QWebEngineUrlSchemeHandler):
    def __init__(self, files: NetronFiles, parent: QObject) -> None:
        super().__init__(parent)
        self._files = files

    def requestStarted(self, job: QWebEngineUrlRequestJob) -> None:
        url = job.requestUrl()
        found = self._files.answer(url.path()) if url.host() == HOST else None
        if job.requestMethod() != b"GET":
            job.fail(QWebEngineUrlRequestJob.Error.RequestDenied)
        elif found is None:
            job.fail(QWebEngineUrlRequestJob.Error.UrlNotFound)
        else:
            kind, content = found
            if isinstance(content, bytes):
                device: QIODevice = QBuffer(job)
                device.setData(content)
            else:
                device = QFile(str(content), job)
            if device.open(QIODevice.OpenModeFlag.ReadOnly):
                job.reply(QByteArray(kind.encode()), device)
            else:
                job.fail(QWebEngineUrlRequestJob.Error.RequestFailed)


class _OwnSchemeOnly(QWebEngineUrlRequestInterceptor):
    """Blocks whatever would leave the scheme, and remembers it."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.allowed: list[str] = []
        self.blocked: list[str] = []

    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:
        url = info.requestUrl()
        own = url.scheme() == SCHEME and url.host() == HOST
        (self.allowed if own else self.blocked).append(url.toString())
        if not own:
            info.block(True)


class _Page(QWebEnginePage):
    told = Signal(str, str)
    """What the page's own script says: ('drawn', '') or ('select', node name)."""

    def acceptNavigationRequest(self, url: QUrl, _kind, _main_frame: bool) -> bool:
        return url.scheme() == SCHEME and url.host() == HOST

    def createWindow(self, _kind) -> None:
        return None

    def chooseFiles(self, _mode, _old, _accepted) -> list[str]:
        # Netron's own Open would lead away from the model that everything else shows
        return []

    def javaScriptConsoleMessage(self, _level, message: str, _line: int, _source: str) -> None:
        if message.startswith("secateur:"):
            _, what, value = message.split(":", 2)
            self.told.emit(what, value)


class NetronProfile(QWebEngineProfile):
    """What Netron's page may reach: files of ours, nothing else."""

    def __init__(self, files: NetronFiles) -> None:
        _register()
        # without a name nothing is kept: no cookie, no cache on disk
        super().__init__(QCoreApplication.instance())
        self.interceptor = _OwnSchemeOnly(self)
        self._handler = _Handler(files, self)
        self.setUrlRequestInterceptor(self.interceptor)
        self.installUrlSchemeHandler(_NAME, self._handler)
        self.downloadRequested.connect(_refuse)
        for code, when, world in (
            (
                COOKIE_SCRIPT,
                QWebEngineScript.InjectionPoint.DocumentCreation,
                QWebEngineScript.ScriptWorldId.MainWorld,
            ),
            (
                WATCH_SCRIPT,
                QWebEngineScript.InjectionPoint.DocumentReady,
                QWebEngineScript.ScriptWorldId.ApplicationWorld,
            ),
        ):
            script = QWebEngineScript()
            script.setSourceCode(code)
            script.setInjectionPoint(when)
            script.setWorldId(world)
            self.scripts().insert(script)


class NetronWeb(QWebEngineView):
    drawn = Signal()
    node_clicked = Signal(str)
    crashed = Signal()

    def __init__(self, profile: NetronProfile, parent: QWidget | None = None) -> None:
        """The profile becomes this view's own."""
        super().__init__(parent)
        self._profile = profile
        self.interceptor = profile.interceptor
        page = _Page(self._profile, self)
        page.told.connect(self._on_told)
        page.renderProcessTerminated.connect(self._on_terminated)
        settings = page.settings()
        for attribute in (
            QWebEngineSettings.WebAttribute.PluginsEnabled,
            QWebEngineSettings.WebAttribute.PdfViewerEnabled,
            QWebEngineSettings.WebAttribute.JavascriptCanOpenWindows,
            QWebEngineSettings.WebAttribute.LocalContentCanAccessFileUrls,
            QWebEngineSettings.WebAttribute.DnsPrefetchEnabled,
            QWebEngineSettings.WebAttribute.ErrorPageEnabled,
            QWebEngineSettings.WebAttribute.NavigateOnDropEnabled,
        ):
            settings.setAttribute(attribute, False)
        self.setPage(page)
        self._page = page
        QCoreApplication.instance().aboutToQuit.connect(self.leave)

    def open(self, background: QColor) -> None:
        """Load the page anew with the model that the files name now."""
        self._page.setBackgroundColor(background)
        self._page.load(QUrl(START))

    def mark(self, node: str | None, color: QColor, scroll: bool = True) -> None:
        """Outline a node by its ONNX name."""
        self._call(MARK_SCRIPT, node, color.name(), scroll)

    def paint(self, colors: Mapping[str, tuple[str, str]], other: tuple[str, str]) -> None:
        """Colour the heads of nodes: fill and text, both #RRGGBB, by ONNX name; `other` for all the rest."""
        self._call(PAINT_SCRIPT, dict(colors), *other)

    def _call(self, script: str, *arguments: object) -> None:
        """Run a function of `netron_page` in the world of our own scripts."""
        code = f"{script.strip()}({', '.join(map(json.dumps, arguments))})"
        self._page.runJavaScript(code, QWebEngineScript.ScriptWorldId.ApplicationWorld.value)

    def leave(self) -> None:
        """End the web process. The page has to go before its profile."""
        if shiboken6.isValid(self._page):
            shiboken6.delete(self._page)
            self._profile.deleteLater()
            self.deleteLater()

    def _on_told(self, what: str, value: str) -> None:
        if what == "drawn":
            self.drawn.emit()
        elif what == "select":
            self.node_clicked.emit(value)

    def _on_terminated(self, _status, _code: int) -> None:
        # later: whoever hears it deletes the page, which is still inside its own signal here
        QTimer.singleShot(0, self, self._tell_crashed)

    def _tell_crashed(self) -> None:
        self.crashed.emit()


def _refuse(download) -> None:
    download.cancel()
