-- What a repeated request is answered from; a row lives for 24 hours.
create table idempotency (
    caller text not null,
    rpc text not null,
    key text not null,
    request_hash bytea not null,
    resource_id uuid not null,
    created_at timestamptz not null,
    constraint idempotency_pk primary key (caller, rpc, key)
);

create index idempotency_created_at_idx on idempotency (created_at);
