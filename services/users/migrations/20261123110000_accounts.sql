create table users (
    user_id uuid not null,
    email text,
    email_confirmed_at timestamptz,
    display_name text not null,
    language text not null,
    time_zone text not null,
    roles text[] not null,
    state text not null,
    blocked_at timestamptz,
    block_reason text,
    erased_at timestamptz,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint users_pk primary key (user_id),
    constraint users_version_ck check (version > 0),
    constraint users_state_ck check (state in ('unconfirmed', 'active', 'blocked', 'erased')),
    constraint users_active_ck check (state <> 'active' or email_confirmed_at is not null),
    constraint users_blocked_ck check ((state = 'blocked') = (blocked_at is not null and block_reason is not null)),
    -- Nothing personal is left of an erased account.
    constraint users_erased_ck check (
        (state = 'erased') = (erased_at is not null)
        and (state = 'erased') = (email is null)
        and (state <> 'erased' or (display_name = '' and roles = '{}' and email_confirmed_at is null))
    )
);

-- One account for one address, whatever the case of its letters.
create unique index users_email_key on users (lower(email));
create index users_role_idx on users using gin (roles);

create table credentials (
    user_id uuid not null,
    password_hash text not null,
    -- Grows when another password is set, and stays when the same one is hashed again.
    revision bigint not null,
    changed_at timestamptz not null,
    constraint credentials_pk primary key (user_id),
    constraint credentials_user_fk foreign key (user_id) references users (user_id)
);

-- One code at a time for each purpose; only a keyed fingerprint of it is kept.
create table codes (
    user_id uuid not null,
    purpose text not null,
    fingerprint bytea not null,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    tries integer not null,
    used_at timestamptz,
    constraint codes_pk primary key (user_id, purpose),
    constraint codes_purpose_ck check (purpose in ('confirm_email', 'reset_password')),
    constraint codes_user_fk foreign key (user_id) references users (user_id)
);

-- What was tried how often. Subjects are keyed fingerprints of e-mail and network addresses, also of unknown ones.
create table throttles (
    kind text not null,
    subject bytea not null,
    tries integer not null,
    last_at timestamptz not null,
    constraint throttles_pk primary key (kind, subject)
);

create index throttles_last_idx on throttles (last_at);
