"""The order service's calls to the user service."""

from __future__ import annotations

from services.order.orders import Buyer
from services.shared.peers import Peer


class HttpUsers:
    """
    `services.order.orders.Users` over HTTP.
    """

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def find(self, user_id: str) -> Buyer | None:
        """
        The user, or None when the user service says there is none. *user_id* must have passed `is_id`.

        :raises PeerFailed: when it says anything else.
        """
        answer = self._peer.call("GET", f"/users/{user_id}")
        if answer.status == 404:
            return None
        username, name = answer.body.get("username"), answer.body.get("name")
        wrong_one = answer.is_refusal or answer.body.get("id") != user_id
        if wrong_one or not isinstance(username, str) or not isinstance(name, str):
            raise self._peer.nonsense()
        return Buyer(user_id, username, name)

    def ping(self) -> None:
        """
        :raises Problem: ``unavailable`` when the user service is not alive.
        """
        self._peer.ping()
