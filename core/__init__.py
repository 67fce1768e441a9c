"""The headless half of Secateur: opens, measures, compresses and exports networks. No Qt here."""

__version__ = "0.1.0"
