"""Register, log in, be shown: through the gateway, with the user service behind it."""

from __future__ import annotations

from services.shared.ids import is_id, new_id
from tests.services.conftest import PASSWORD, World


def test_a_new_user_is_answered_with_an_id_and_without_a_password(world: World) -> None:
    wish = {"username": "ada", "password": PASSWORD, "name": "Ada Lovelace"}
    answer = world.call("POST", "/api/users", json=wish)
    user = answer.get_json()
    assert answer.status_code == 201
    assert list(user) == ["id", "username", "name", "created_at"]
    assert is_id("usr", user["id"])
    assert (user["username"], user["name"]) == ("ada", "Ada Lovelace")
    assert answer.headers["Location"] == f"/api/users/{user['id']}"
    assert world.call("GET", answer.headers["Location"]).get_json() == user
    (line,) = world.events("user", "user.registered")
    assert line["user"]["id"] == user["id"]
    assert world.seen["user"].value("users_registered_total") == 1


def test_a_registration_with_many_faults_is_told_all_of_them_at_once(world: World) -> None:
    answer = world.call("POST", "/api/users", json={"username": "A", "password": "x", "admin": True})
    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert [error["field"] for error in problem["errors"]] == ["username", "password", "name", "admin"]
    assert problem["instance"] == "/api/users"
    (line,) = world.events("user", "user.refused")
    assert line["labels"]["reason"] == "invalid"
    assert world.seen["user"].value("users_registered_total") == 0


def test_a_taken_username_is_a_conflict(world: World) -> None:
    world.register("ada")
    answer = world.call("POST", "/api/users", json={"username": "ada", "password": PASSWORD, "name": "Another"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "conflict")
    assert world.events("user", "user.refused")[0]["labels"]["reason"] == "conflict"


def test_a_login_gives_a_token_that_says_who_one_is(world: World) -> None:
    user = world.register()
    answer = world.call("POST", "/api/sessions", json={"username": "ada", "password": PASSWORD})
    assert (answer.status_code, list(answer.get_json())) == (201, ["token", "expires_at"])
    current = world.client("user").get(
        "/sessions/current", headers={"Authorization": f"Bearer {answer.get_json()['token']}"}
    )
    assert current.get_json() == {"user": user, "expires_at": answer.get_json()["expires_at"]}
    assert world.events("user", "session.opened")[0]["user"]["id"] == user["id"]
    assert world.seen["user"].value("logins_total", outcome="success") == 1


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(world: World) -> None:
    world.register()
    answers = [
        world.call("POST", "/api/sessions", json={"username": username, "password": password})
        for username, password in (("ada", "not the password"), ("nobody", PASSWORD))
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].headers["WWW-Authenticate"] == answers[1].headers["WWW-Authenticate"] == 'Bearer realm="clew"'
    one, other = (answer.get_json() | {"trace_id": ""} for answer in answers)
    assert one == other
    assert world.seen["user"].value("logins_total", outcome="failure") == 2


def test_a_refused_login_does_not_log_what_was_typed_as_username(world: World) -> None:
    """People type their password there by mistake."""
    world.call("POST", "/api/sessions", json={"username": "hunter2hunter2", "password": "irrelevant"})
    assert len(world.events("user", "session.refused")) == 1
    for seen in world.seen.values():
        assert b"hunter2" not in b"".join(seen.raw_lines)


def test_a_password_and_a_token_are_in_no_line_and_no_span_of_any_service(world: World) -> None:
    world.register()
    token = world.log_in()
    world.place(token)
    world.call("GET", f"/api/users/{PASSWORD}", token=token, headers={"User-Agent": f"agent {PASSWORD}"})
    for seen in world.seen.values():
        said = b"".join(seen.raw_lines).decode() + "".join(span.to_json() for span in seen.spans) + seen.exposition
        assert token not in said
        assert said
    for service in ("gateway", "user"):
        sent = [line for line in world.seen[service].access_lines if line["http"]["request"]["method"] == "POST"]
        assert sent
        assert PASSWORD not in str(sent)


def test_a_user_who_does_not_exist_is_not_found(world: World) -> None:
    for user_id in (new_id("usr"), "ada", "..", "%2e%2e", "usr_", "x" * 2000, "usr_%00", "ord_1?x=1"):
        answer = world.call("GET", f"/api/users/{user_id}")
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), user_id
