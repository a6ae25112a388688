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

    def place(self, user_id: str, wish: Mapping[str, object]) -> dict[str, object]:
        """
        The new order.

        :raises Problem: ``invalid``, ``unprocessable``, or `PeerFailed`.
        """
        answer = self._peer.call("POST", "/orders", body=wish, headers={"X-User-Id": user_id})
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

    def of_user(self, user_id: str, *, limit: int) -> list[object]:
        """
        The newest *limit* orders, newest first.

        :raises PeerFailed: when the order service cannot say.
        """
        query = {"user_id": user_id, "limit": str(limit)}
        body = _accepted(self._peer, self._peer.call("GET", "/orders", query=query, headers={"X-User-Id": user_id}))
        orders = body.get("orders")
        if not isinstance(orders, list):
            raise self._peer.nonsense()
        return orders


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
