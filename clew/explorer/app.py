"""
Row 6 of the picture: see. The explorer's Flask app.

Every page has a ``.json`` twin with the same numbers. Nothing is written here, and nothing outlives a request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from clew.explorer import errors, guard, render
from clew.explorer.errors import Refused
from clew.explorer.filters import DEFAULT, Query, Window
from clew.explorer.links import Links, Palette
from clew.explorer.offline import offline_page
from clew.explorer.shell import Shell
from clew.explorer.views.find import SEARCHED, found_page
from clew.explorer.views.logs import LogsQuery, logs
from clew.explorer.views.overview import overview, young_range
from clew.explorer.views.request import drawing
from clew.explorer.views.traces import TracesQuery, traces
from clew.query import InstanceAccount, Readers
from clew.query.document import encode
from clew.query.dossier import Dossier, dossier
from clew.query.find import Found
from clew.query.freshness import Source
from clew.query.words import iso

PROBES = ("/-/healthy", "/-/ready")
"""What a supervisor asks without a token; the answers say nothing else."""


def create_explorer(
    *,
    readers: Readers,
    ledger: Callable[[], Sequence[InstanceAccount]] = tuple,
    freshness: Callable[[], Sequence[Source]] = tuple,
    exercises: Callable[[], Sequence[str]] = tuple,
    scrape_now: Callable[[], None] | None = None,
    ready: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.time,
    hosts: Collection[str] = guard.LOOPBACK,
    token: str = "",
) -> Flask:
    """
    The app. GET and HEAD only, except ``POST /-/scrape``.

    :param ledger: the accounts of the worker processes now.
    :param freshness: the sources now.
    :param exercises: a sentence for each fault that is on now.
    :param scrape_now: scrape every target and return when that is done; None: there is nothing to scrape.
    :param ready: what ``/-/ready`` asks (200 or 503); ``/-/healthy`` is always 200.
    :param clock: seconds since the epoch.
    :param hosts: names of this server, without port; a request for any other ``Host`` gets 421.
    :param token: what every request but the `PROBES` must carry if not empty. Bind to more than loopback only with one.
    """
    app = Flask("clew.explorer", static_folder="static", template_folder="templates")
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    render.prepare(app, Palette())
    errors.handle(app, clock)
    app.after_request(guard.protect)

    @app.before_request
    def admit() -> None:
        if not guard.own_host(request, hosts):
            raise Refused(421, "This is Clew's explorer. It does not answer for the host of this address.")
        if token and request.path not in PROBES and not guard.has_token(request, token):
            raise Refused(401, "This explorer needs its token.", headers={"WWW-Authenticate": 'Basic realm="Clew"'})

    def query() -> Query:
        return Query(request.args.items(multi=True))

    def answer(name: str, title: str, view: object, window: Window | None = None, **more: object) -> AnyResponse:
        """The view as JSON or as a page, whichever the address asks for."""
        if request.path.endswith(".json"):
            return Response(encode(view), mimetype="application/json")
        links = Links(request.path, query().pairs, window)
        active = "traces" if name == "request" else name
        around = Shell(active, title, iso(int(clock() * 1e9)), links, window, links.as_json())
        return Response(render.page(f"{name}.html", view, around, **more), mimetype="text/html")

    def choice(found: Found, now_s: float) -> AnyResponse:
        """Several requests, or none: what was searched."""
        nothing = bool(found.id) and not found.candidates and not found.untraced
        if nothing and request.path.endswith(".json"):
            raise Refused(404, f"Nothing is stored under {found.id}. Searched were {SEARCHED}. Only whole ids match.")
        response = answer("find", found.id or "Find a request", found_page(readers, found, now_s=now_s))
        response.status_code = 404 if nothing else 200
        return response

    @app.get("/")
    @app.get("/overview.json")
    def show_overview() -> AnyResponse:
        asked, now_s = query(), clock()
        window = asked.window(now_s, DEFAULT if asked.names_a_range else young_range(readers, now_s))
        asked.check()
        view = overview(
            readers, window, accounts=ledger(), sources=freshness(), exercises=exercises(), now_s=now_s
        )
        return answer("overview", "Overview", view, window)

    @app.get("/logs")
    @app.get("/logs.json")
    def show_logs() -> AnyResponse:
        now_s = clock()
        asked = LogsQuery.of(query(), now_s)
        view = logs(readers, asked, now_s=now_s)
        # A range that ends now moves on; the next lines are those of the range that was shown.
        on = dict(asked.window.fixed) | {"before": view.next}
        return answer("logs", "Logs", view, asked.window, next_href=Links("/logs", query().pairs, None).here(on))

    @app.get("/traces")
    @app.get("/traces.json")
    def show_traces() -> AnyResponse:
        now_s = clock()
        asked = TracesQuery.of(query(), now_s)
        view = traces(readers, asked, now_s=now_s)
        on = {"from": asked.window.fixed[0][1], "to": view.older_than}
        return answer("traces", "Traces", view, asked.window, older_href=Links("/traces", query().pairs, None).here(on))

    @app.get("/requests/<path:any_id>")
    @app.get("/requests/<path:any_id>.json")
    @app.get("/requests/<path:any_id>.html")
    def show_request(any_id: str) -> AnyResponse:
        now_s = clock()
        found = dossier(readers, any_id, now_s=now_s)
        if isinstance(found, Dossier):
            if request.path.endswith(".html"):
                return Response(offline_page(found, now_s=now_s), mimetype="text/html")
            return answer("request", f"{found.title}, {found.trace_id[:8]}", found, drawn=drawing(found))
        return choice(found or Found(any_id), now_s)

    @app.get("/find")
    @app.get("/find.json")
    def show_find() -> AnyResponse:
        asked, now_s = query(), clock()
        any_id = asked.one("id")
        asked.check()
        found = dossier(readers, any_id, now_s=now_s) if any_id else None
        if isinstance(found, Dossier):
            ending = ".json" if request.path.endswith(".json") else ""
            return redirect(Links("", (), None).request(found.asked) + ending)
        return choice(found or Found(any_id), now_s)

    @app.get("/requests/")
    def show_find_form() -> AnyResponse:
        return redirect("/find")

    @app.get("/-/healthy")
    def healthy() -> dict[str, str]:
        return {"status": "healthy"}

    @app.get("/-/ready")
    def is_ready() -> tuple[dict[str, str], int]:
        return ({"status": "ready"}, 200) if ready() else ({"status": "starting"}, 503)

    @app.post("/-/scrape")
    def scrape() -> dict[str, str]:
        if not guard.same_origin(request):
            raise Refused(403, "Only this explorer's own pages and programs without a page may ask for a scrape.")
        if scrape_now is None:
            raise Refused(404, "Nothing is scraped here.")
        scrape_now()
        return {"status": "scraped"}

    return app
