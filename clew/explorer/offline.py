"""
A dossier as one file that needs no server: what "Export HTML" saves and ``clew follow --html`` writes.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from flask import Flask, render_template
from markupsafe import Markup

from clew.explorer import render
from clew.explorer.links import Links, Palette
from clew.explorer.views.request import drawing
from clew.query.dossier import Dossier
from clew.query.words import iso

_STYLE = Path(__file__).with_name("static") / "clew.css"
_LINK_ELSEWHERE = re.compile(r' href="/[^"]*"')


def offline_page(dossier: Dossier, *, now_s: float) -> str:
    """
    The page of *dossier* with its style inside, no scripts, and no links that need a running stack. Its own policy
    lets it load nothing.
    """
    app = Flask("clew.explorer", template_folder="templates")
    render.prepare(app, Palette())
    style = _STYLE.read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    with app.app_context():
        text = render_template(
            "offline.html", page=dossier, shell=None, links=Links("", (), None), drawn=drawing(dossier),
            style=Markup(style), style_hash=f"sha256-{digest}", read_at=iso(int(now_s * 1e9)),
        )
    return _LINK_ELSEWHERE.sub("", text)
