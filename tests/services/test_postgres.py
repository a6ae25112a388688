"""What can be known of Postgres without one; tests/real has the rest."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from observability import Settings, SettingsError, Telemetry
from services.shared.database import Database, connect_arguments
from services.user.store import SqlUsers
from tests.support.ports import free_port


def test_no_statement_outlasts_the_patience_of_a_caller() -> None:
    settings = Settings(service_name="order", call_timeout_s=1.5)
    arguments = connect_arguments(make_url("postgresql+psycopg://clew@db/clew"), settings)
    assert arguments["options"] == (
        "-c statement_timeout=1500 -c lock_timeout=2000 -c idle_in_transaction_session_timeout=3000"
    )
    assert arguments["connect_timeout"] == 2
    assert arguments["application_name"] == "order"


def test_what_the_url_says_itself_is_left_to_it() -> None:
    url = make_url("postgresql+psycopg://clew@db/clew?options=-csearch_path%3Dshop&connect_timeout=9")
    assert set(connect_arguments(url, Settings())) == {"tcp_user_timeout", "application_name"}


@pytest.mark.parametrize("url", ["postgresql+pg8000://db/clew", "mysql+pymysql://db/clew"])
def test_other_drivers_get_no_argument_that_they_do_not_know(url: str) -> None:
    assert connect_arguments(make_url(url), Settings()) == {}


def test_a_postgres_that_is_not_there_is_one_sentence_at_the_start_without_the_password() -> None:
    port = free_port()
    settings = Settings(database_url=f"postgresql+psycopg://clew:tok-123456@127.0.0.1:{port}/clew")
    with pytest.raises(SettingsError) as refused:
        SqlUsers(Database.from_settings(settings, Telemetry.off(), name="user"))
    (complaint,) = refused.value.complaints
    assert complaint.startswith(f"The database postgresql+psycopg://clew:***@127.0.0.1:{port}/clew cannot be used: ")
    assert "Connection refused" in complaint
    assert complaint.endswith("See DATA_DIR and DATABASE_URL.")
    assert "tok-123456" not in complaint
