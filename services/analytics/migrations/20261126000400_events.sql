-- Everything that happened, as it was announced: ids and facts, no names. Partitions by month are made ahead and dropped by age.

create table events (
    occurred_at timestamptz not null,
    event_id uuid not null,
    type text not null,
    aggregate_type text not null,
    aggregate_id uuid not null,
    aggregate_version bigint not null,
    actor text not null,
    received_at timestamptz not null,
    payload bytea not null,
    -- A repetition carries the same moment, so that this refuses it although it is unique within a partition only.
    constraint events_pk primary key (occurred_at, event_id)
) partition by range (occurred_at);

-- One row: how far events were heard, and from when on they are kept.
create table progress (
    only_row boolean not null default true,
    -- Every event that had arrived by then is stored and counted; null before the first one.
    complete_until timestamptz,
    -- Events before it are dropped or never come in any more; what was counted of them is final. Null while everything is kept.
    final_before timestamptz,
    constraint progress_pk primary key (only_row),
    constraint progress_one_row check (only_row)
);

insert into progress default values;
