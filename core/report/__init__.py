"""What is handed over with a compressed model: the card inside the file, and the account of it beside.

An account is written as JSON for programs or as one page of HTML for people, by the name of its file.
"""

from pathlib import Path

from core.report.account import Account, Told, outcome_json, report_json
from core.report.card import card_of
from core.report.page import report_html

__all__ = ["Account", "Told", "card_of", "is_page", "outcome_json", "report_html", "report_json", "report_of"]


def is_page(path: Path) -> bool:
    """Whether a report of this name is for people."""
    return path.suffix.lower() in (".html", ".htm")


def report_of(account: Account, path: Path) -> bytes:
    """The account as the file name asks for it: a page for .html and .htm, else JSON."""
    if is_page(path):
        return report_html(account)
    return report_json(account)
