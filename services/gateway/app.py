"""HTTP in, the services' answers out; who is asking is settled here."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, request

from observability import Problem, Telemetry, observe, problem_details
from services.gateway.clients import HttpOrders, HttpUsers
from services.gateway.limited import limited
from services.gateway.me import me
from services.gateway.rate import RateLimit
from services.shared.answers import readable
from services.shared.body import json_object
from services.shared.contract import contract
from services.shared.deadline import keep_deadlines
from services.shared.guarded import guarded
from services.shared.health import health
from services.shared.idempotency import idempotency_key
from services.shared.query import Query
from services.shared.sessions import Sessions, refusal


def create_app(
    *, telemetry: Telemetry, users: HttpUsers, orders: HttpOrders, sessions: Sessions, limit: RateLimit | None
) -> Flask:
    """
    The gateway; *limit* is how often each caller may ask.

    No header of a caller is passed on: what the services behind need is written anew, so a caller can neither claim
    to be somebody (``X-User-Id``) nor steer a connection (hop-by-hop headers).
    """
    app = observe(Flask("gateway", static_folder=None), telemetry)  # <- the one line

    def caller() -> str:
        authorization = request.headers.get("Authorization")
        if authorization:
            telemetry.secret(authorization.rpartition(" ")[2])
        return sessions.current(authorization).user_id

    def who() -> str:
        try:
            return caller()
        except Problem:
            return request.remote_addr or "nobody"

    problem_details(keep_deadlines(limited(readable(guarded(app)), limit, who)))
    app.register_blueprint(health(telemetry, user=users.ping, order=orders.ping))
    app.register_blueprint(contract(Path(__file__).with_name("openapi.json")))

    def body_with_password() -> dict[str, object]:
        body = json_object()
        password = body.get("password")
        if isinstance(password, str):
            telemetry.secret(password)
        return body

    @app.post("/api/users")
    def post_user() -> tuple[dict[str, object], int, dict[str, str]]:
        user = users.register(body_with_password())
        return user, 201, {"Location": f"/api/users/{user['id']}"}

    @app.get("/api/users/<user_id>")
    def get_user(user_id: str) -> dict[str, object]:
        return users.get(user_id)

    @app.post("/api/sessions")
    def post_session() -> tuple[dict[str, object], int]:
        session = users.open_session(body_with_password())
        telemetry.secret(str(session["token"]))
        return session, 201

    @app.post("/api/orders")
    def post_order() -> tuple[dict[str, object], int, dict[str, str]]:
        order = orders.place(caller(), json_object(), key=idempotency_key())
        return order, 201, {"Location": f"/api/orders/{order['id']}"}

    @app.get("/api/orders")
    def get_orders() -> dict[str, object]:
        user_id, query = caller(), Query()
        asked = {name: query.text(name) for name in ("limit", "cursor")}
        query.check()
        return orders.listed(user_id, {name: value for name, value in asked.items() if value is not None})

    @app.post("/api/orders/<order_id>/cancel")
    def post_cancel(order_id: str) -> dict[str, object]:
        return orders.cancel(caller(), order_id)

    @app.get("/api/orders/<order_id>")
    def get_order(order_id: str) -> dict[str, object]:
        return orders.get(caller(), order_id)

    @app.get("/api/me")
    def get_me() -> dict[str, object]:
        try:
            return me(caller(), users=users, orders=orders)
        except Problem as problem:
            if problem.word == "not_found":
                raise refusal("The user of this session does not exist any more.", error="invalid_token") from None
            raise

    return app
