"""A statement's shape: what stays, what becomes ``?``, and which tables it names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.statements import LONGEST_SUMMARY, LONGEST_TEXT, shape


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("SELECT orders.id \nFROM orders \nWHERE orders.id = ?", "SELECT orders.id FROM orders WHERE orders.id = ?"),
        ("SELECT 1 + 2.5e-10, .5, 0xFF, 7::int", "SELECT ? + ?, ?, ?, ?::int"),
        ("SELECT * FROM t1 WHERE a2 = 'ada''s \\' AND b = 'x'", "SELECT * FROM t1 WHERE a2 = ? AND b = ?"),
        ("SELECT E'it\\'s ada', N'ada', X'FF', $$ada$$, $q$ada $$ da$q$", "SELECT ?, ?, ?, ?, ?"),
        ("SELECT 1 /* ada */ -- ada\n, 2", "SELECT ? , ?"),
        ("SELECT 'ada", "SELECT ?"),
        ("SELECT %(a)s::VARCHAR, :b, $1, ?, %s, @c", "SELECT %(a)s::VARCHAR, :b, $1, ?, %s, @c"),
        ('SELECT "ada''s" FROM "Users"', 'SELECT "ada''s" FROM "Users"'),
        ("SELECT * FROM t WHERE a IN (?, ?, ?)", "SELECT * FROM t WHERE a IN (?)"),
        ("SELECT a IN (%(a_1)s::INT, %(a_2)s::INT)", "SELECT a IN (%(a_1)s::INT)"),
        ("INSERT INTO t (a, b) VALUES (?, ?)", "INSERT INTO t (a, b) VALUES (?, ?)"),
    ],
)
def test_values_become_question_marks_and_names_and_placeholders_stay(statement: str, text: str) -> None:
    assert shape(statement).text == text


def test_in_mysql_double_quotes_and_backslashes_hide_values_too() -> None:
    assert shape("SELECT \"ada\", 'it\\'s ada', `name` FROM t", mysql=True).text == "SELECT ?, ?, `name` FROM t"


@given(st.text(), st.text())
def test_no_value_in_quotes_ever_stays(before: str, value: str) -> None:
    literal = "'" + value.replace("'", "''") + "ada-secret'"
    assert "ada-secret" not in shape(f"SELECT {literal}").text
    assert len(shape(before).text) <= LONGEST_TEXT + 1
    assert 0 < len(shape(before).summary) <= LONGEST_SUMMARY


@pytest.mark.parametrize(
    ("statement", "operation", "summary", "table"),
    [
        ("SELECT id FROM orders WHERE id = ?", "SELECT", "SELECT orders", "orders"),
        ("select id from orders", "SELECT", "SELECT orders", "orders"),
        ("INSERT INTO orders (id) VALUES (?)", "INSERT", "INSERT orders", "orders"),
        ("UPDATE users SET name=? WHERE id = ?", "UPDATE", "UPDATE users", "users"),
        ("DELETE FROM keys WHERE expires_at <= ?", "DELETE", "DELETE keys", "keys"),
        ("SELECT a FROM keys JOIN orders ON a = b", "SELECT", "SELECT keys orders", ""),
        ('SELECT a FROM public.users, "Order" WHERE a', "SELECT", "SELECT public.users Order", ""),
        ("INSERT INTO old SELECT * FROM orders", "INSERT", "INSERT old SELECT orders", ""),
        ("SELECT count(*) FROM (SELECT 1 FROM orders) AS anon_1", "SELECT", "SELECT SELECT orders", "orders"),
        ("WITH n AS (SELECT 1 FROM orders) SELECT * FROM n", "SELECT", "SELECT orders SELECT", "orders"),
        ("SELECT EXTRACT(year FROM orders.at), a IS DISTINCT FROM b FROM orders", "SELECT", "SELECT orders", "orders"),
        ("SELECT replace(a, ?, ?) FROM orders FOR UPDATE", "SELECT", "SELECT orders", "orders"),
        ("INSERT INTO a VALUES (?) ON CONFLICT (id) DO UPDATE SET x = ?", "INSERT", "INSERT a", "a"),
        ("CREATE TABLE IF NOT EXISTS orders (id INT)", "CREATE", "CREATE orders", "orders"),
        ("SELECT 1", "SELECT", "SELECT", ""),
        ("VALUES (1)", "_OTHER", "VALUES", ""),
        ("", "_OTHER", "statement", ""),
    ],
)
def test_operation_and_tables_are_the_name(statement: str, operation: str, summary: str, table: str) -> None:
    found = shape(statement)
    assert (found.operation, found.summary, found.table) == (operation, summary, table)
