"""
The browser's window on the stack: `create_explorer` makes the app, `offline_page` a dossier in one file.
"""

from __future__ import annotations

from clew.explorer.app import create_explorer
from clew.explorer.offline import offline_page

__all__ = ["create_explorer", "offline_page"]
