-- Our copy of who is written to, from ProfileChanged. An erased person keeps a row without personal data, so that a late
-- event does not bring the person back.
create table recipients (
    recipient_id uuid not null,
    version bigint not null,
    display_name text not null,
    email text not null,
    email_confirmed boolean not null,
    language text not null,
    time_zone text not null,
    erased_at timestamptz,
    constraint recipients_pk primary key (recipient_id),
    constraint recipients_erased_check check (erased_at is null or (display_name = '' and email = ''))
);

-- Our copy of what runs are called, from RunPublished.
create table runs (
    run_id uuid not null,
    version bigint not null,
    title text not null,
    constraint runs_pk primary key (run_id)
);

-- What people are told inside the school.
create table notices (
    recipient_id uuid not null,
    notice_id uuid not null,
    event_id uuid not null,
    kind text not null,
    title text not null,
    text text not null,
    resource text not null,
    created_at timestamptz not null,
    read_at timestamptz,
    constraint notices_pk primary key (recipient_id, notice_id),
    constraint notices_event_key unique (recipient_id, event_id)
);

create index notices_unread_idx on notices (recipient_id, notice_id) where read_at is null;

-- E-mails. What they say is kept only until they are sent or given up.
create table deliveries (
    recipient_id uuid not null,
    delivery_id uuid not null,
    event_id uuid not null,
    kind text not null,
    name text not null,
    address text not null,
    subject text,
    text_part text,
    html_part text,
    state text not null,
    attempts integer not null,
    -- In the state `sending`: when the sender is taken for dead.
    next_attempt_at timestamptz,
    expires_at timestamptz,
    reason text not null,
    created_at timestamptz not null,
    finished_at timestamptz,
    constraint deliveries_pk primary key (recipient_id, delivery_id),
    constraint deliveries_event_key unique (recipient_id, event_id),
    constraint deliveries_state_check check (state in ('queued', 'sending', 'sent', 'failed', 'gave_up')),
    constraint deliveries_waiting_check check (
        (state in ('queued', 'sending')) = (next_attempt_at is not null)
        and (state in ('queued', 'sending')) = (finished_at is null)
    ),
    constraint deliveries_content_check check (
        state in ('queued', 'sending')
        or (subject is null and text_part is null and html_part is null)
    )
);

create index deliveries_due_idx on deliveries (next_attempt_at) where next_attempt_at is not null;
create index deliveries_newest_idx on deliveries (delivery_id);
create index deliveries_finished_idx on deliveries (finished_at) where finished_at is not null;
