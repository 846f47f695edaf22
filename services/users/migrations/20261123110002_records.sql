create table consents (
    user_id uuid not null,
    consent_id uuid not null,
    document text not null,
    version text not null,
    given_at timestamptz not null,
    withdrawn_at timestamptz,
    address text,
    user_agent text,
    constraint consents_pk primary key (user_id, consent_id),
    constraint consents_user_fk foreign key (user_id) references users (user_id)
);

create unique index consents_standing_key on consents (user_id, document, version) where withdrawn_at is null;

create table audit_entries (
    entry_id uuid not null,
    occurred_at timestamptz not null,
    actor text not null,
    action text not null,
    target_user_id uuid,
    address text,
    user_agent text,
    request_id text not null,
    details jsonb not null,
    constraint audit_entries_pk primary key (entry_id)
);

create index audit_entries_target_idx on audit_entries (target_user_id, entry_id);
create index audit_entries_actor_idx on audit_entries (actor, entry_id);
create index audit_entries_action_idx on audit_entries (action, entry_id);

-- What was written stays, except for what a person can ask to have erased: where they called from, and free text.
create function audit_entries_refuse() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE'
        and (new.address is null or new.address = old.address)
        and (new.user_agent is null or new.user_agent = old.user_agent)
        and new.details in ('{}', old.details)
        and (new.entry_id, new.occurred_at, new.actor, new.action, new.request_id)
            = (old.entry_id, old.occurred_at, old.actor, old.action, old.request_id)
        and new.target_user_id is not distinct from old.target_user_id
    then
        return new;
    end if;
    raise exception 'the audit log is append-only' using errcode = 'restrict_violation', constraint = 'audit_entries_append_only';
end
$$;

create trigger audit_entries_append_only before update or delete on audit_entries
    for each row execute function audit_entries_refuse();
create trigger audit_entries_no_truncate before truncate on audit_entries
    for each statement execute function audit_entries_refuse();
