-- Who looked into a dead letter, replayed or dropped it: only added to. Without the message's body, which may hold
-- personal data.
create table bus_dead_letter_log (
    position bigint generated always as identity,
    at timestamptz not null,
    -- Whoever said so; entitled is who can run a program in the service's place.
    actor text not null,
    host text not null,
    action text not null,
    queue text not null,
    message_id text not null,
    type text not null,
    attempts integer not null,
    reason text not null,
    given_up_at timestamptz not null,
    constraint bus_dead_letter_log_pk primary key (position)
);
