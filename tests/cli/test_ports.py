"""Ports are looked at before anything starts."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from clew.supervisor import ports


def test_free_ports_have_no_complaint(port: Callable[[], int]) -> None:
    assert ports.complaints({"GATEWAY_PORT": port(), "USER_PORT": port()}) == []


def test_a_taken_port_names_who_holds_it_and_the_variable_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        number = holder.getsockname()[1]
        (complaint,) = ports.complaints({"GATEWAY_PORT": number})

    start, _, command = complaint.partition(" Use another: ")
    assert start.startswith(f"Port {number} is taken by process {os.getpid()} (")
    name, _, rest = command.partition("=")
    assert (name, rest.partition(" ")[2]) == ("GATEWAY_PORT", "make up")
    assert ports.complaints({"GATEWAY_PORT": int(rest.partition(" ")[0])}) == []


def test_a_port_that_is_open_to_all_interfaces_is_taken_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as holder:
        assert ports.complaints({"USER_PORT": holder.getsockname()[1]})


def test_two_variables_with_one_port_are_named_together(port: Callable[[], int]) -> None:
    number = port()

    assert ports.complaints({"USER_PORT": number, "ORDER_PORT": number}) == [
        f"USER_PORT and ORDER_PORT are both {number}. Give one of them another port."
    ]


def test_every_port_0_becomes_a_free_port_of_its_own() -> None:
    chosen = ports.choose({"A": 0, "B": 0, "C": 1234})

    assert chosen["C"] == 1234
    assert 0 < chosen["A"] != chosen["B"] > 0


def test_a_port_that_is_taken_is_not_chosen(port: Callable[[], int]) -> None:
    with socket.create_server(("127.0.0.1", port())) as holder:
        taken, free = holder.getsockname()[1], port()
        drawn = [taken, free]

        assert ports.choose({"A": 0}, draw=lambda _: drawn.pop(0)) == {"A": free}
