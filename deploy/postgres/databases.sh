#!/bin/sh
# Run once by Postgres' own start-up script, when its volume is new: one database per service, owned by a role that can
# connect to nothing else. psql's :'name' quotes the passwords.
set -eu

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set user_password="$USER_DB_PASSWORD" --set order_password="$ORDER_DB_PASSWORD" <<'SQL'
CREATE ROLE clew_user LOGIN PASSWORD :'user_password';
CREATE ROLE clew_order LOGIN PASSWORD :'order_password';
CREATE DATABASE clew_user OWNER clew_user;
CREATE DATABASE clew_order OWNER clew_order;
REVOKE CONNECT ON DATABASE postgres, template1, clew_user, clew_order FROM PUBLIC;
SQL
