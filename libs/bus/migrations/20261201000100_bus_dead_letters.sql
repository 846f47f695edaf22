-- Messages that a consumer gave up on, with their reasons, until a person replays or discards them.
create table bus_dead_letters (
    -- Renewed when a message that was replayed is given up again: so a replay never deletes what came after it.
    position bigint generated always as identity,
    queue text not null,
    message_id text not null,
    type text not null,
    content_type text,
    correlation_id text,
    attempts integer not null,
    reason text not null,
    given_up_at timestamptz not null,
    body bytea not null,
    constraint bus_dead_letters_pk primary key (queue, message_id)
);
