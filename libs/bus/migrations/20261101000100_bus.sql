-- Events that were announced in their transactions and wait for the broker to confirm them; then they are deleted.
create table outbox (
    position bigint generated always as identity,
    event_id uuid not null,
    type text not null,
    personal boolean not null,
    aggregate_type text not null,
    aggregate_id uuid not null,
    aggregate_version bigint not null,
    occurred_at timestamptz not null,
    actor text not null,
    traceparent text not null,
    payload bytea not null,
    constraint outbox_pk primary key (position)
);

-- Events whose effect is committed here, so that a repetition has none.
create table inbox (
    consumer text not null,
    event_id uuid not null,
    received_at timestamptz not null,
    constraint inbox_pk primary key (consumer, event_id)
);

create index inbox_received_at_idx on inbox (received_at);
