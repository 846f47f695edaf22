set lock_timeout = '5s';

-- What people want otherwise than the school's defaults.
create table preference_rules (
    recipient_id uuid not null,
    kind text not null,
    channel text not null,
    timing text not null,
    constraint preference_rules_pk primary key (recipient_id, kind, channel),
    constraint preference_rules_channel_check check (channel in ('email', 'feed')),
    constraint preference_rules_timing_check check (
        timing in ('at_once', 'never') or (timing = 'digest' and channel = 'email')
    )
);

-- Quiet hours and digests, in minutes since midnight where the person lives.
create table preference_times (
    recipient_id uuid not null,
    quiet_from smallint,
    quiet_to smallint,
    digest_every text not null,
    digest_at smallint not null,
    constraint preference_times_pk primary key (recipient_id),
    constraint preference_times_quiet_check check (
        (quiet_from is null) = (quiet_to is null)
        and quiet_from <> quiet_to
        and quiet_from between 0 and 1439
        and quiet_to between 0 and 1439
    ),
    constraint preference_times_digest_check check (
        digest_every in ('day', 'week')
        and digest_at between 0 and 1439
    )
);

-- The secrets in the links of mails: one for each person and kind, kept as long as the person, so that the link in an old
-- mail works. It opens nothing but the switch.
create table unsubscribe_links (
    recipient_id uuid not null,
    kind text not null,
    token text not null,
    constraint unsubscribe_links_pk primary key (recipient_id, kind),
    constraint unsubscribe_links_token_key unique (token)
);

-- What waits for a person's next digest.
create table digest_items (
    recipient_id uuid not null,
    event_id uuid not null,
    kind text not null,
    title text not null,
    text text not null,
    resource text not null,
    created_at timestamptz not null,
    constraint digest_items_pk primary key (recipient_id, event_id)
);

-- When the next digest of a person is due; only of people for whom something waits.
create table digest_plans (
    recipient_id uuid not null,
    due_at timestamptz not null,
    day date not null,
    constraint digest_plans_pk primary key (recipient_id)
);

create index digest_plans_due_idx on digest_plans (due_at);

-- The digests that were made, by the person's day: one at most.
create table digests (
    recipient_id uuid not null,
    day date not null,
    digest_id uuid not null,
    made_at timestamptz not null,
    constraint digests_pk primary key (recipient_id, day)
);

create index digests_made_idx on digests (made_at);

-- Addresses that the mail server refused for good; of a person, so that a new address starts clean.
create table bounced_addresses (
    recipient_id uuid not null,
    address text not null,
    reason text not null,
    bounced_at timestamptz not null,
    constraint bounced_addresses_pk primary key (recipient_id, address)
);

-- Whether the mail waits for the end of its person's quiet hours, and where its link to switch its kind off leads.
alter table deliveries
    add column held boolean not null default false,
    add column unsubscribe_url text,
    drop constraint deliveries_state_check,
    add constraint deliveries_state_check
        check (state in ('queued', 'sending', 'sent', 'failed', 'gave_up', 'suppressed')),
    drop constraint deliveries_content_check,
    add constraint deliveries_content_check check (
        state in ('queued', 'sending')
        or (subject is null and text_part is null and html_part is null and unsubscribe_url is null)
    );

create index deliveries_held_idx on deliveries (recipient_id) where held;

-- Every try to send a mail; it goes with its mail.
create table delivery_attempts (
    recipient_id uuid not null,
    delivery_id uuid not null,
    number integer not null,
    started_at timestamptz not null,
    -- Both are absent while the try lasts, and for ever if its sender died.
    duration_ms bigint,
    outcome text,
    constraint delivery_attempts_pk primary key (recipient_id, delivery_id, number),
    constraint delivery_attempts_delivery_fk foreign key (recipient_id, delivery_id)
        references deliveries (recipient_id, delivery_id) on delete cascade,
    constraint delivery_attempts_outcome_check check ((duration_ms is null) = (outcome is null))
);
