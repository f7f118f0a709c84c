#!/bin/bash
# The job "roles": one role and one schema for each service, and a reader for the dashboards. Safe to repeat; run again
# after a password file changed. Connects with PGHOST, PGUSER, PGPASSWORD, PGDATABASE; passwords come from the services'
# own files, so that each is written in one place.
set -euo pipefail
cd "${SECRETS_DIR:-/run/secrets}"

password_of() { # a file of its own, or the password in a DSN: postgresql://role:password@…
  local rest
  if [ -e "$1_password" ]; then cat "$1_password"; return; fi
  rest=$(<"$1_dsn"); rest=${rest#*://*:}
  printf '%s' "${rest%%@*}"
}

# Passwords reach psql through the environment: its command line can be read by others, its script is printed on errors.
for role in traffic_meter delivery_emissions offset_purchaser dashboards; do
  ROLE=$role PASSWORD=$(password_of "$role") psql -X -q -v ON_ERROR_STOP=1 -f - <<'SQL'
\getenv role ROLE
\getenv password PASSWORD
-- A statement that fails would be written to the server's log, with the password.
SET log_min_error_statement TO panic;
SET log_statement TO none;
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" PASSWORD :'password';
SELECT format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I', current_database(), :'role') \gexec
SQL
done

psql -X -q -v ON_ERROR_STOP=1 -f - <<'SQL'
-- The databases that every server has, too: a service has no business there. Each by name, for this server's other databases
-- may be other people's.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', datname)
  FROM pg_database WHERE datname IN (current_database(), 'postgres', 'template1') \gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SELECT format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', name, name),
       format('ALTER ROLE %I IN DATABASE %I SET search_path TO %I', name, current_database(), name)
  FROM unnest(ARRAY['traffic_meter', 'delivery_emissions', 'offset_purchaser']) AS name \gexec

-- The reader: the tables of the panels only, which a migration of the purchaser names; never those of shipments, never a
-- write, never a long query. What is made later is not readable by itself.
GRANT USAGE ON SCHEMA offset_purchaser TO dashboards;
ALTER DEFAULT PRIVILEGES FOR ROLE offset_purchaser IN SCHEMA offset_purchaser REVOKE SELECT ON TABLES FROM dashboards;
ALTER ROLE dashboards SET default_transaction_read_only TO on;
ALTER ROLE dashboards SET statement_timeout TO '5s';
SELECT format('ALTER ROLE dashboards IN DATABASE %I SET search_path TO offset_purchaser', current_database()) \gexec
SQL
echo "roles and schemas are as they should be"
