"""The gateway's calls to the services behind it. What they refuse is refused in their words."""

from __future__ import annotations

from collections.abc import Mapping

from observability import STATUS, Problem
from services.shared.ids import is_id
from services.shared.peers import Answer, Peer
from services.shared.sessions import refusal


class HttpUsers:
    """
    The user service.
    """

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.ping = peer.ping

    def register(self, wish: Mapping[str, object]) -> dict[str, object]:
        """
        The new user.

        :raises Problem: ``invalid``, ``conflict``, or `PeerFailed`.
        """
        return _with_id(self._peer, self._peer.call("POST", "/users", body=wish), "usr")

    def open_session(self, login: Mapping[str, object]) -> dict[str, object]:
        """
        A token and when it expires.

        :raises Problem: ``invalid``, ``unauthorized``, or `PeerFailed`.
        """
        body = _accepted(self._peer, self._peer.call("POST", "/sessions", body=login))
        if not isinstance(body.get("token"), str):
            raise self._peer.nonsense()
        return body

    def get(self, user_id: str) -> dict[str, object]:
        """
        The user.

        :raises Problem: ``not_found``, or `PeerFailed`.
        """
        if not is_id("usr", user_id):
            raise Problem("not_found", "There is no such user.")
        return _with_id(self._peer, self._peer.call("GET", f"/users/{user_id}"), "usr")


class HttpOrders:
    """
    The order service, always asked in somebody's name.
    """

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.ping = peer.ping

    def place(self, user_id: str, wish: Mapping[str, object], *, key: str | None = None) -> dict[str, object]:
        """
        The new order; with a *key*, the one order of that key.

        :raises Problem: ``invalid``, ``unprocessable``, ``conflict``, or `PeerFailed`.
        """
        headers = {"X-User-Id": user_id} | ({"Idempotency-Key": key} if key is not None else {})
        answer = self._peer.call("POST", "/orders", body=wish, headers=headers, idempotent=key is not None)
        return _with_id(self._peer, answer, "ord")

    def get(self, user_id: str, order_id: str) -> dict[str, object]:
        """
        The order, if it is that user's.

        :raises Problem: ``not_found``, or `PeerFailed`.
        """
        if not is_id("ord", order_id):
            raise Problem("not_found", "There is no such order.")
        answer = self._peer.call("GET", f"/orders/{order_id}", headers={"X-User-Id": user_id})
        return _with_id(self._peer, answer, "ord")

    def cancel(self, user_id: str, order_id: str) -> dict[str, object]:
        """
        The order, cancelled, if it is that user's.

        :raises Problem: ``not_found``, or `PeerFailed`.
        """
        if not is_id("ord", order_id):
            raise Problem("not_found", "There is no such order.")
        headers = {"X-User-Id": user_id}
        answer = self._peer.call("POST", f"/orders/{order_id}/cancel", headers=headers, idempotent=True)
        return _with_id(self._peer, answer, "ord")

    def listed(self, user_id: str, page: Mapping[str, str]) -> dict[str, object]:
        """
        ``orders`` of that user, newest first, and ``next_cursor``; *page* may say ``limit`` and ``cursor``.

        :raises Problem: ``invalid``, or `PeerFailed`.
        """
        query = {**page, "user_id": user_id}
        body = _accepted(self._peer, self._peer.call("GET", "/orders", query=query, headers={"X-User-Id": user_id}))
        if not isinstance(body.get("orders"), list):
            raise self._peer.nonsense()
        return body

    def of_user(self, user_id: str, *, limit: int) -> list[object]:
        """
        The newest *limit* orders, newest first.

        :raises PeerFailed: when the order service cannot say.
        """
        orders = self.listed(user_id, {"limit": str(limit)})["orders"]
        return orders if isinstance(orders, list) else []


def _with_id(peer: Peer, answer: Answer, prefix: str) -> dict[str, object]:
    body = _accepted(peer, answer)
    if not is_id(prefix, body.get("id")):
        raise peer.nonsense()
    return body


def _accepted(peer: Peer, answer: Answer) -> dict[str, object]:
    """
    The answer's body; a refusal becomes a problem of our own with the service's word, sentence and errors. Its
    ``instance`` and ``trace_id`` are ours, its headers stay behind.
    """
    if not answer.is_refusal:
        return answer.body
    word, detail = answer.body.get("code"), answer.body.get("detail")
    if not isinstance(word, str) or STATUS.get(word) != answer.status or not isinstance(detail, str):
        raise peer.nonsense()
    if word == "unauthorized":
        raise refusal(detail)
    errors = answer.body.get("errors")
    raise Problem(word, detail, errors=errors) if errors else Problem(word, detail)
