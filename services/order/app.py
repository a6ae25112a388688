"""HTTP in, orders out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, request

from observability import Problem, Telemetry, observe, problem_details
from services.order.clients import HttpUsers
from services.order.listing import Place
from services.order.orders import Order, Wish, cancel, existing, listed, place
from services.order.store import SqlOrders
from services.shared.answers import readable
from services.shared.body import json_object
from services.shared.contract import contract
from services.shared.deadline import keep_deadlines
from services.shared.guarded import guarded
from services.shared.health import health
from services.shared.idempotency import idempotency_key
from services.shared.ids import is_id
from services.shared.peers import PeerFailed
from services.shared.query import Query

USUAL_LIMIT, MOST_LIMIT = 20, 100


def create_app(
    *,
    telemetry: Telemetry,
    users: HttpUsers,
    orders: SqlOrders,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Flask:
    """
    The order service. *now* gives the current time, with its zone.

    It believes ``X-User-Id``: only the gateway, which checks sessions, may reach it.
    """
    app = observe(Flask("order", static_folder=None), telemetry)  # <- the one line
    problem_details(keep_deadlines(readable(guarded(app))))
    app.register_blueprint(health(telemetry, database=orders.ping, user=users.ping))
    app.register_blueprint(contract(Path(__file__).with_name("openapi.json")))
    outcomes = ("placed", "replayed", "cancelled", "refused")
    placed, replayed, cancelled, refused = (telemetry.counter("orders_total").labels(outcome) for outcome in outcomes)

    @app.post("/orders")
    def post_order() -> tuple[dict[str, object], int, dict[str, str]]:
        user_id = _known_caller()
        try:
            wish, key = Wish.read(json_object()), idempotency_key()
            order, is_new = place(wish, user_id, users=users, orders=orders, now=now(), key=key)
        except Problem as problem:
            if problem.status < 500:
                refused.inc()
                reason = {"reason": problem.word}
                telemetry.log("order.refused", "An order was refused.", user_id=user_id, labels=reason)
            raise
        if is_new:
            placed.inc()
            telemetry.log("order.placed", f"Order {order.id} was placed.", order_id=order.id, user_id=user_id)
        else:
            replayed.inc()
            again = f"Order {order.id} was asked for again under its key."
            telemetry.log("order.replayed", again, order_id=order.id, user_id=user_id)
        return order.as_json(), 201, {"Location": f"/orders/{order.id}"}

    @app.get("/orders/<order_id>")
    def get_order(order_id: str) -> dict[str, object]:
        return _with_user(existing(order_id, orders=orders, for_user=_caller()))

    @app.get("/orders")
    def get_orders() -> dict[str, object]:
        query = Query()
        user_id = query.text("user_id") or ""
        limit = query.whole("limit", usual=USUAL_LIMIT, most=MOST_LIMIT)
        cursor = query.text("cursor")
        after = Place.read(cursor) if cursor is not None else None
        if cursor is not None and after is None:
            query.wrong("cursor", "must be the next_cursor of an earlier page")
        if not is_id("usr", user_id):
            query.wrong("user_id", "must be the id of a user")
        query.check()
        if _caller() not in (None, user_id):
            raise Problem("not_found", "There is no such list of orders.")
        page, then = listed(user_id, limit=limit, after=after, orders=orders)
        return {"orders": [order.as_json() for order in page], "next_cursor": str(then) if then else None}

    @app.post("/orders/<order_id>/cancel")
    def post_cancel(order_id: str) -> dict[str, object]:
        order, changed = cancel(order_id, _known_caller(), orders=orders)
        if changed:
            cancelled.inc()
            done = f"Order {order.id} was cancelled."
            telemetry.log("order.cancelled", done, order_id=order.id, user_id=order.user_id)
        return order.as_json()

    def _with_user(order: Order) -> dict[str, object]:
        try:
            user = users.find(order.user_id)
        except PeerFailed:
            telemetry.log(
                "order.degraded",
                f"Order {order.id} is shown without its user.",
                level="warning",
                order_id=order.id,
                user_id=order.user_id,
            )
            return order.as_json() | {"user": None, "degraded": ["user"]}
        # so that the order's id leads to those who looked at it, too
        telemetry.log("order.shown", f"Order {order.id} was shown.", order_id=order.id, user_id=order.user_id)
        return order.as_json() | {"user": asdict(user) if user else None}

    return app


def _known_caller() -> str:
    user_id = _caller()
    if user_id is None:
        raise Problem("invalid", "The header X-User-Id must say who is asking.")
    return user_id


def _caller() -> str | None:
    """
    The user that the gateway says is asking; None when it says nothing.

    :raises Problem: ``invalid`` when what it says is no user id.
    """
    user_id = request.headers.get("X-User-Id")
    if user_id is not None and not is_id("usr", user_id):
        raise Problem("invalid", "The header X-User-Id is no user id.")
    return user_id
