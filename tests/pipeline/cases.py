"""What the migrations' check must refuse, and what it must let through: were it blind, a clean result would say
nothing.

The table `old` and everything else that is not made here belongs to a release before.
"""

# What is wrong, the migrations of the release, the rules that must be named.
REFUSED: list[tuple[str, list[str], set[str]]] = [
    ("an index that blocks writers", ["create index a_ix on old (a);"], {"require-concurrent-index-creation"}),
    ("an index in a transaction that forbids it", ["create index concurrently a_ix on old (a);"], {"transaction"}),
    ("an index that goes while it is read", ["drop index a_ix;"], {"require-concurrent-index-deletion"}),
    (
        "two statements that are a transaction",
        ["-- no-transaction\ncreate index concurrently a_ix on old (a);\ncreate index concurrently b_ix on old (b);"],
        {"transaction"},
    ),
    (
        "a unique index on rows that N-1 writes",
        ["-- no-transaction\ncreate unique index concurrently a_ix on old (a);"],
        {"tightens-rules"},
    ),
    ("a dropped column", ["alter table old drop column a;"], {"ban-drop-column"}),
    ("a dropped table", ["drop table old;"], {"ban-drop-table"}),
    ("a dropped type", ["drop type kind;"], {"ban-drop-type"}),
    ("a dropped view", ["drop view v;"], {"ban-drop-view"}),
    ("a dropped function", ["drop function f();"], {"ban-drop-function"}),
    ("a dropped schema", ["drop schema s;"], {"ban-drop-schema"}),
    ("a dropped constraint", ["alter table old drop constraint a_ck;"], {"ban-drop-constraint"}),
    ("a renamed column", ["alter table old rename column a to b;"], {"renaming-column"}),
    ("a renamed table", ["alter table old rename to older;"], {"renaming-table"}),
    ("a renamed value", ["alter type kind rename value 'a' to 'b';"], {"renaming-object"}),
    ("another schema", ["alter table old set schema s;"], {"ban-set-schema"}),
    ("another type", ["alter table old alter column a type bigint;"], {"changing-column-type"}),
    ("a column that N-1 does not fill", ["alter table old add column a text not null;"], {"adding-required-field"}),
    (
        "a column that must be filled from now on",
        ["alter table old alter column a set not null;"],
        {"adding-not-nullable-field"},
    ),
    (
        "a default that rewrites the table",
        ["alter table old add column a uuid default gen_random_uuid();"],
        {"adding-field-with-default"},
    ),
    (
        "a generated column",
        ["alter table old add column b int generated always as (a + 1) stored;"],
        {"adding-field-with-default"},
    ),
    ("a default that N-1 relies on", ["alter table old alter column a drop default;"], {"ban-drop-default"}),
    (
        "a check that reads the whole table",
        ["alter table old add constraint a_ck check (a > 0);"],
        {"constraint-missing-not-valid", "tightens-rules"},
    ),
    (
        "a check that N-1 may break",
        ["alter table old add constraint a_ck check (a > 0) not valid;"],
        {"tightens-rules"},
    ),
    (
        "a check that hides behind a column",
        ["alter table old add column b text, add constraint a_ck check (a > 0) not valid;"],
        {"tightens-rules"},
    ),
    (
        "a foreign key that locks two tables",
        ["alter table old add constraint a_fk foreign key (a) references o (a);"],
        {"adding-foreign-key-constraint"},
    ),
    (
        "a unique rule that builds its index under a lock",
        ["alter table old add constraint a_key unique (a);"],
        {"disallowed-unique-constraint"},
    ),
    ("a primary key", ["alter table old add primary key (a);"], {"adding-serial-primary-key-field"}),
    (
        "a trigger on rows of N-1",
        ["create trigger t before insert on old for each row execute function f();"],
        {"tightens-rules"},
    ),
    ("policies that N-1 does not know", ["alter table old enable row level security;"], {"tightens-rules"}),
    ("a right that N-1 uses", ["revoke insert on old from app;"], {"tightens-rules"}),
    ("a backfill", ["update old set a = 1 where a is null;"], {"changes-rows"}),
    ("a deletion", ["delete from old;"], {"changes-rows"}),
    ("an emptied table", ["truncate old;"], {"changes-rows"}),
    ("a lock", ["lock table old in share mode;"], {"locks-table"}),
    ("a rewrite", ["alter table old set unlogged;"], {"locks-table"}),
    ("a rewrite by cluster", ["-- no-transaction\ncluster old using a_ix;"], {"locks-table"}),
    ("a partition that is cut off", ["alter table old detach partition p;"], {"require-concurrent-partition-detach"}),
    ("patience without end", ["set lock_timeout = '1min';"], {"locks-table"}),
    ("patience that was switched off", ["set lock_timeout = 0;"], {"locks-table"}),
    ("a transaction of its own", ["begin;\ncreate table t (a int);\ncommit;"], {"transaction-nesting"}),
    (
        "an excuse without a reason",
        ["-- lint: ban-drop-column: ok\nalter table old drop column a;"],
        {"ban-drop-column"},
    ),
    (
        "an excuse for something else",
        ["-- lint: ban-drop-table: nothing has read it since 0.4.0\nalter table old drop column a;"],
        {"ban-drop-column"},
    ),
    (
        "an excuse that stands elsewhere",
        ["-- lint: ban-drop-column: nothing has read it since 0.4.0\n\n\nalter table old drop column a;"],
        {"ban-drop-column"},
    ),
    ("squawk's own excuse", ["-- squawk-ignore ban-drop-column\nalter table old drop column a;"], {"excuse"}),
    (
        "the second of two migrations",
        ["create table t (a int);", "alter table old drop column a;"],
        {"ban-drop-column"},
    ),
    ("what only looks like a comment", ["insert into t values ('-- no');\ndrop table old;"], {"ban-drop-table"}),
]

ACCEPTED: list[tuple[str, list[str]]] = [
    (
        "a new table with its indexes",
        ["create table t (a int not null, constraint t_pk primary key (a));\ncreate unique index t_ix on t (a);"],
    ),
    (
        "a table of an earlier migration of the release",
        [
            "create table t (a int);",
            "create index t_ix on t (a);\nalter table t add constraint t_ck check (a > 0);\nupdate t set a = 1;",
        ],
    ),
    ("a column that may be empty", ["alter table old add column a text;"]),
    ("a column with a constant default", ["alter table old add column a boolean not null default false;"]),
    ("an index beside the writers", ["-- no-transaction\ncreate index concurrently if not exists a_ix on old (a);"]),
    (
        "a foreign key that is checked later",
        ["alter table old add constraint a_fk foreign key (a) references o (a) not valid;"],
    ),
    (
        "a function, and words in texts",
        ["create function f() returns text language sql as $$ select 'drop table old; update old set a = 1' $$;"],
    ),
    ("first rows", ["create table t (a int);\ninsert into t values (1);"]),
    (
        "an excuse with its reason",
        [
            "-- Nobody knows it any more.\n-- lint: ban-drop-column: nothing has read it since 0.4.0\nalter table old\n    drop column a;"
        ],
    ),
    ("short patience", ["set lock_timeout = '2s';"]),
]
