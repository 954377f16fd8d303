-- The roles and the database, for psql as a superuser of PostgreSQL 15 or newer:
--
--     psql -U postgres -d postgres -f database.sql
--
-- It may run again at any time. A role gets the password that DNEVNIK_OWNER_PASSWORD,
-- DNEVNIK_APP_PASSWORD or DNEVNIK_WORKER_PASSWORD holds, and keeps its old one when that is unset.
\set ON_ERROR_STOP on

SELECT format('CREATE ROLE %I', wanted.name)
FROM unnest(ARRAY['dnevnik_owner', 'dnevnik_app', 'dnevnik_worker']) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) \gexec

-- Only the owner changes tables. The other two obey row-level security and history's triggers.
ALTER ROLE dnevnik_owner LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE dnevnik_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE dnevnik_worker LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

\getenv owner_password DNEVNIK_OWNER_PASSWORD
\if :{?owner_password}
ALTER ROLE dnevnik_owner PASSWORD :'owner_password';
\endif
\getenv app_password DNEVNIK_APP_PASSWORD
\if :{?app_password}
ALTER ROLE dnevnik_app PASSWORD :'app_password';
\endif
\getenv worker_password DNEVNIK_WORKER_PASSWORD
\if :{?worker_password}
ALTER ROLE dnevnik_worker PASSWORD :'worker_password';
\endif

-- The builtin locale sorts the same everywhere; names have a sort key of their own. PostgreSQL 15 and
-- 16 do not have it yet and take the C library's.
SELECT CASE WHEN current_setting('server_version_num')::int >= 170000
    THEN $$LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'$$ ELSE $$LOCALE 'C.UTF-8'$$
END AS locale \gset
SELECT $$CREATE DATABASE dnevnik OWNER dnevnik_owner TEMPLATE template0 ENCODING 'UTF8' $$ || :'locale'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'dnevnik') \gexec

REVOKE ALL ON DATABASE dnevnik FROM PUBLIC;
GRANT CONNECT ON DATABASE dnevnik TO dnevnik_app, dnevnik_worker;

\connect dnevnik
CREATE EXTENSION IF NOT EXISTS btree_gist;
