"""What the embedded Netron is made of: its installed files, slightly edited, and one model.

No server and no socket: the web view asks an own URL scheme, and `NetronFiles` answers with the files of
the installed package and the one model, nothing else. Nothing here imports QtWebEngine, which may be missing.
"""

from __future__ import annotations

import contextlib
import html
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt

SCHEME = "secateur-netron"
HOST = "viewer"
START = f"{SCHEME}://{HOST}/index.html"
MODEL_PATH = "/data/model.onnx"
LARGEST_MODEL_BYTES = 30_000_000
"""A larger file is shown only as a copy without weights."""
MANY_NODES = 1500
"""Above so many Netron takes many seconds and is opened on request only."""

MIME_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
}

# Netron asks for consent to analytics unless this cookie is there; pages of own schemes have no cookies.
COOKIE_SCRIPT = (
    "Object.defineProperty(document, 'cookie', {get: () => 'consent=1', set: () => {}, configurable: false});"
)

# Tells us when the graph is drawn and which node was clicked. The console is the one way out of the page
# that needs no further component.
WATCH_SCRIPT = """
(() => {
  const tell = (what, value) => console.info('secateur:' + what + ':' + value);
  let drawn = false;
  const look = () => {
    if (!drawn && document.body.classList.contains('default')) { drawn = true; tell('drawn', ''); }
  };
  new MutationObserver(look).observe(document.body, {attributes: true});
  look();
  document.addEventListener('click', (event) => {
    const node = event.target.closest && event.target.closest('[id^="node-name-"]');
    if (node) { tell('select', node.id.slice('node-name-'.length)); }
  }, true);
})();
"""

MARK_SCRIPT = """
((id, color, scroll) => {
  const last = window.secateurMarked;
  if (last) { last.style.stroke = ''; last.style.strokeWidth = ''; window.secateurMarked = null; }
  const node = id === null ? null : document.getElementById('node-name-' + id);
  if (!node) { return false; }
  const border = node.querySelector('path.border, path.node-border') || node.querySelector('path');
  if (border) {
    border.style.stroke = color; border.style.strokeWidth = '3px'; window.secateurMarked = border;
  }
  if (scroll) { node.scrollIntoView({block: 'center', inline: 'center'}); }
  return true;
})
"""

PAINT_SCRIPT = """
((colors, other, otherText) => {
  let painted = 0;
  for (const node of document.querySelectorAll('[id^="node-name-"]')) {
    const own = colors[node.id.slice('node-name-'.length)];
    const [fill, ink] = own || [other, otherText];
    for (const item of node.querySelectorAll('.node-item-type')) {
      item.querySelectorAll('path').forEach((path) => { path.style.fill = fill; });
      item.querySelectorAll('text').forEach((text) => { text.style.fill = ink; });
    }
    painted += own ? 1 : 0;
  }
  return painted;
})
"""
"""Gives the heads of nodes the colours of the layer graph, by ONNX name; all other nodes one quiet colour."""


def register_scheme() -> None:
    """Call before the application is made.

    WebEngine wants shared OpenGL contexts from the start. The scheme itself is registered when the panel
    first shows (it only has to precede the first profile), so that starting loads no web engine.
    """
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)


def sandbox_works() -> bool:
    """Whether Chromium can wall off its processes here. Where it can't, loading it ends our process too.

    It refuses root, and on Linux it needs user namespaces, which some systems forbid. The variable is
    Chromium's own switch; tests set it, we never do.
    """
    if not sys.platform.startswith("linux") or os.environ.get("QTWEBENGINE_DISABLE_SANDBOX") == "1":
        return True
    if os.geteuid() == 0:
        return False
    try:
        # the same step that Chromium will take: a new namespace with a user map of its own
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "true"], capture_output=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return not _namespaces_forbidden()
    return done.returncode == 0


def _namespaces_forbidden() -> bool:
    """What the kernel's switches say, where there is no `unshare` to try."""
    for switch, forbidden in (
        ("user/max_user_namespaces", "0"),
        ("kernel/unprivileged_userns_clone", "0"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ):
        with contextlib.suppress(OSError):
            if Path("/proc/sys", switch).read_text().strip() == forbidden:
                return True
    return False


class NetronFiles:
    """Answers a path of the scheme. One instance per web view."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec("netron")
        locations = list(spec.submodule_search_locations or []) if spec is not None else []
        self._folder = Path(locations[0]) if locations else None
        self.model: Path | None = None
        self.title = ""
        self.dark = False
        self.background = ""
        """A colour as #RRGGBB; empty: Netron's own."""

    @property
    def installed(self) -> bool:
        return self._folder is not None and (self._folder / "index.html").is_file()

    def answer(self, path: str) -> tuple[str, bytes | Path] | None:
        """MIME type and content (a Path for the model, to be streamed), or None: not handed out."""
        if path == MODEL_PATH:
            return ("application/octet-stream", self.model) if self.model is not None else None
        name = path.removeprefix("/")
        kind = MIME_TYPES.get(Path(name).suffix)
        # a flat folder: whatever names another folder is not Netron's
        if self._folder is None or kind is None or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            return None
        file = self._folder / name
        if not file.is_file():
            return None
        content = file.read_bytes()
        if kind in ("text/html", "text/css"):
            content = self._edit(name, content.decode("utf-8")).encode("utf-8")
        return kind, content

    def _edit(self, name: str, page: str) -> str:
        # our themes do not follow the system's colours, so neither may the page
        wanted = "all" if self.dark else "not all"
        page = page.replace("(prefers-color-scheme: dark)", wanted)
        if name != "index.html":
            return page
        title = html.escape(self.title, quote=True)
        metas = (
            '<meta name="version" content="0.0.0">\n<meta name="type" content="Python">\n'
            f'<meta name="file" content="{MODEL_PATH}">\n<meta name="identifier" content="{title}">'
        )
        # a name of its own for each theme: the page that is left keeps its style sheet in memory
        theme = "dark" if self.dark else "light"
        page = page.replace('href="grapher.css"', f'href="grapher.css?{theme}"')
        # without a date the page does not lock itself 180 days after its release
        page = re.sub(r'<meta name="date" content="[^"]*">\n?', "", page)
        if self.background:
            rule = f"background-color: {self.background} !important;"
            style = f"<style>body, .default, .target {{ {rule} }}</style>"
            page = page.replace("</head>", f"{style}\n</head>", 1)
        return re.sub(r'<meta name="version" content="[^"]*">', lambda _match: metas, page)
