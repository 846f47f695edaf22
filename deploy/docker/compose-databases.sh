#!/bin/sh
# Run by PostgreSQL's image for a new data folder: a role and a database for each service that owns one.
set -eu
for owner in $OWNERS; do
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --set=owner="$owner" --set=password="$PASSWORD" <<'SQL'
create role :"owner" login password :'password';
create database :"owner" owner :"owner";
revoke connect on database :"owner" from public;
SQL
done
