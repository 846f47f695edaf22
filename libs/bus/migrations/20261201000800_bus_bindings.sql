-- What a queue is bound to at the broker, which cannot be asked for it: so that a binding that no release wants any
-- more is taken back.
create table bus_bindings (
    queue text not null,
    exchange text not null,
    type text not null,
    -- The release that was the first to start without wanting it; null while it is wanted.
    unwanted_by text,
    constraint bus_bindings_pk primary key (queue, exchange, type)
);
