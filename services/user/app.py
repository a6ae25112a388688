"""HTTP in, users and sessions out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, request

from observability import Problem, Telemetry, observe, problem_details
from services.shared.answers import readable
from services.shared.body import json_object
from services.shared.contract import contract
from services.shared.deadline import keep_deadlines
from services.shared.guarded import guarded
from services.shared.health import health
from services.shared.ids import is_id
from services.shared.sessions import Sessions, refusal
from services.shared.times import rfc3339
from services.user.passwords import Passwords
from services.user.store import SqlUsers
from services.user.users import Login, Registration, User, Users, log_in, register


def create_app(
    *,
    telemetry: Telemetry,
    users: SqlUsers,
    sessions: Sessions,
    passwords: Passwords,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Flask:
    """
    The user service. *now* gives the current time, with its zone.
    """
    app = observe(Flask("user", static_folder=None), telemetry)  # <- the one line
    problem_details(keep_deadlines(readable(guarded(app))))
    app.register_blueprint(health(telemetry, database=users.ping))
    app.register_blueprint(contract(Path(__file__).with_name("openapi.json")))
    registered = telemetry.counter("users_registered_total")
    succeeded, failed = (telemetry.counter("logins_total").labels(outcome) for outcome in ("success", "failure"))

    @app.post("/users")
    def post_user() -> tuple[dict[str, object], int, dict[str, str]]:
        try:
            wish = Registration.read(_body_with_password(telemetry))
            user = register(wish, users=users, passwords=passwords, now=now())
        except Problem as problem:
            if problem.status < 500:
                telemetry.log("user.refused", "A registration was refused.", labels={"reason": problem.word})
            raise
        registered.inc()
        telemetry.log("user.registered", f"User {user.id} registered.", user_id=user.id)
        return user.as_json(), 201, {"Location": f"/users/{user.id}"}

    @app.get("/users/<user_id>")
    def get_user(user_id: str) -> dict[str, object]:
        return _existing(users, user_id).as_json()

    @app.post("/sessions")
    def post_session() -> tuple[dict[str, object], int]:
        user = log_in(Login.read(_body_with_password(telemetry)), users=users, passwords=passwords)
        if user is None:
            failed.inc()
            # without the username: people type their password there by mistake
            telemetry.log("session.refused", "A login was refused.", level="warning")
            raise refusal("No user has that username and password.")
        token, session = sessions.open(user.id)
        telemetry.secret(token)
        succeeded.inc()
        telemetry.log("session.opened", f"User {user.id} logged in.", user_id=user.id)
        return {"token": token, "expires_at": rfc3339(session.expires_at)}, 201

    @app.get("/sessions/current")
    def get_current_session() -> dict[str, object]:
        session = sessions.current(request.headers.get("Authorization"))
        return {"user": _existing(users, session.user_id).as_json(), "expires_at": rfc3339(session.expires_at)}

    return app


def _body_with_password(telemetry: Telemetry) -> dict[str, object]:
    body = json_object()
    password = body.get("password")
    if isinstance(password, str):
        telemetry.secret(password)
    return body


def _existing(users: Users, user_id: str) -> User:
    user = users.get(user_id) if is_id("usr", user_id) else None
    if user is None:
        raise Problem("not_found", "There is no such user.")
    return user
