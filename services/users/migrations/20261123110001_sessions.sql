create table sessions (
    user_id uuid not null,
    session_id uuid not null,
    generation integer not null,
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    expires_at timestamptz not null,
    address text,
    user_agent text,
    ended_at timestamptz,
    end_reason text,
    constraint sessions_pk primary key (user_id, session_id),
    constraint sessions_ended_ck check ((ended_at is null) = (end_reason is null)),
    constraint sessions_user_fk foreign key (user_id) references users (user_id)
);

create index sessions_ended_idx on sessions (ended_at) where ended_at is not null;
create index sessions_expires_idx on sessions (expires_at);

-- Every refresh token that a session ever had, so that a used one is recognised when it comes again.
-- The newest is the one whose generation is its session's.
create table refresh_tokens (
    token_hash bytea not null,
    user_id uuid not null,
    session_id uuid not null,
    generation integer not null,
    issued_at timestamptz not null,
    exchanged_at timestamptz,
    constraint refresh_tokens_pk primary key (token_hash),
    constraint refresh_tokens_generation_key unique (user_id, session_id, generation),
    constraint refresh_tokens_session_fk foreign key (user_id, session_id)
        references sessions (user_id, session_id) on delete cascade
);

-- Private keys are sealed with a key that the database does not have.
create table signing_keys (
    name text not null,
    state text not null,
    since timestamptz not null,
    until timestamptz,
    public_key text not null,
    sealed bytea not null,
    constraint signing_keys_pk primary key (name),
    constraint signing_keys_state_ck check (state in ('next', 'active', 'retired')),
    constraint signing_keys_until_ck check ((state = 'retired') = (until is not null))
);

create unique index signing_keys_active_key on signing_keys (state) where state = 'active';
create unique index signing_keys_next_key on signing_keys (state) where state = 'next';
