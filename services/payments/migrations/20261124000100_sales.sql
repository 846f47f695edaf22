-- What was bought and paid: orders, what is owed for them, tries to pay, money on its way back, and what became accessible.

create table orders (
    order_id uuid not null,
    number text not null,
    buyer_id uuid not null,
    state text not null,
    currency text not null,
    price_minor bigint not null,
    discount_minor bigint not null,
    total_minor bigint not null,
    promo_code_id uuid,
    promo_code text,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    paid_at timestamptz,
    paid_by uuid,
    ended_at timestamptz,
    version bigint not null,
    -- When the clockwork looks at it next; null when it is not placed any more.
    check_at timestamptz,
    constraint orders_pk primary key (order_id),
    constraint orders_number_key unique (number),
    constraint orders_promo_code_fk foreign key (promo_code_id) references promo_codes,
    constraint orders_state_check check (state in ('placed', 'paid', 'refunded', 'cancelled', 'expired')),
    constraint orders_total_check check (
        total_minor >= 0 and discount_minor >= 0 and price_minor = discount_minor + total_minor
    ),
    constraint orders_paid_check check ((state in ('paid', 'refunded')) = (paid_at is not null))
);

create index orders_buyer_idx on orders (buyer_id, order_id);
create index orders_check_idx on orders (check_at) where check_at is not null;

create table order_items (
    order_id uuid not null,
    position smallint not null,
    product_id uuid not null,
    title text not null,
    price_minor bigint not null,
    discount_minor bigint not null,
    total_minor bigint not null,
    constraint order_items_pk primary key (order_id, position),
    constraint order_items_order_fk foreign key (order_id) references orders,
    constraint order_items_total_check check (price_minor = discount_minor + total_minor)
);

-- What an item opens, as it was when the order was placed.
create table order_grants (
    order_id uuid not null,
    item smallint not null,
    position smallint not null,
    run_id uuid not null,
    course_id uuid not null,
    title text not null,
    access_seconds bigint,
    constraint order_grants_pk primary key (order_id, item, position),
    constraint order_grants_item_fk foreign key (order_id, item) references order_items
);

-- An order's hold on a promo code: held while it waits to be paid, used once it is paid, released when it ends unpaid.
create table promo_redemptions (
    buyer_id uuid not null,
    order_id uuid not null,
    promo_code_id uuid not null,
    state text not null,
    constraint promo_redemptions_pk primary key (buyer_id, order_id),
    constraint promo_redemptions_promo_code_fk foreign key (promo_code_id) references promo_codes,
    constraint promo_redemptions_state_check check (state in ('held', 'used', 'released'))
);

-- What is owed, once per order, apart from the tries to pay it.
create table payment_intents (
    intent_id uuid not null,
    order_id uuid not null,
    amount_minor bigint not null,
    currency text not null,
    state text not null,
    settled_by uuid,
    constraint payment_intents_pk primary key (intent_id),
    constraint payment_intents_order_key unique (order_id),
    constraint payment_intents_order_fk foreign key (order_id) references orders,
    constraint payment_intents_state_check check (
        state in ('owed', 'settled', 'released') and (state = 'settled') = (settled_by is not null)
    )
);

-- One try at one provider. Committed before the provider is called; its id is the provider's OrderId.
create table attempts (
    attempt_id uuid not null,
    intent_id uuid not null,
    order_id uuid not null,
    provider text not null,
    method text not null,
    amount_minor bigint not null,
    currency text not null,
    -- The provider's own id of the payment.
    payment text,
    page text,
    success_url text not null,
    fail_url text not null,
    state text not null,
    -- Why it failed, or in what the provider's report differs.
    detail text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- When the provider is asked next, and how often it was; null when nothing is to be asked.
    ask_at timestamptz,
    asked integer not null default 0,
    constraint attempts_pk primary key (attempt_id),
    constraint attempts_intent_fk foreign key (intent_id) references payment_intents,
    constraint attempts_order_fk foreign key (order_id) references orders,
    constraint attempts_payment_key unique (provider, payment),
    constraint attempts_state_check check (
        state in ('created', 'pending', 'unknown', 'failed', 'succeeded', 'overpaid', 'mismatched', 'refunded')
        and (state in ('failed', 'mismatched')) = (detail is not null)
    )
);

create index attempts_order_idx on attempts (order_id);
create index attempts_ask_idx on attempts (ask_at) where ask_at is not null;
-- What is owed is settled by one try and no other.
create unique index attempts_settled_key on attempts (intent_id) where state = 'succeeded';

create table refunds (
    refund_id uuid not null,
    order_id uuid not null,
    attempt_id uuid,
    amount_minor bigint not null,
    currency text not null,
    cause text not null,
    reason text not null,
    state text not null,
    failure text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    ask_at timestamptz,
    asked integer not null default 0,
    constraint refunds_pk primary key (refund_id),
    constraint refunds_order_fk foreign key (order_id) references orders,
    constraint refunds_attempt_fk foreign key (attempt_id) references attempts,
    constraint refunds_cause_check check (cause in ('requested', 'overpaid', 'provider')),
    constraint refunds_state_check check (
        state in ('pending', 'unknown', 'succeeded', 'failed') and (state = 'failed') = (failure is not null)
    )
);

create index refunds_order_idx on refunds (order_id);
create index refunds_ask_idx on refunds (ask_at) where ask_at is not null;
-- A payment is given back once; so is an order that was paid with nothing.
create unique index refunds_attempt_key on refunds (attempt_id) where state <> 'failed';
create unique index refunds_free_key on refunds (order_id) where attempt_id is null and state <> 'failed';

create table entitlements (
    learner_id uuid not null,
    entitlement_id uuid not null,
    order_id uuid not null,
    run_id uuid not null,
    course_id uuid not null,
    title text not null,
    starts_at timestamptz not null,
    ends_at timestamptz,
    state text not null,
    revoked_at timestamptz,
    revoked_reason text,
    version bigint not null,
    constraint entitlements_pk primary key (learner_id, entitlement_id),
    constraint entitlements_order_key unique (learner_id, order_id, run_id),
    constraint entitlements_state_check check (
        state in ('active', 'revoked')
        and (state = 'revoked') = (revoked_at is not null)
        and (state = 'revoked') = (revoked_reason is not null)
    )
);

create index entitlements_order_idx on entitlements (order_id);

-- What a ledger is posted from. Written once; a correction is another row.
create table revenue_facts (
    fact_id uuid not null,
    kind text not null,
    attempt_id uuid,
    refund_id uuid,
    order_id uuid not null,
    run_id uuid,
    amount_minor bigint not null,
    currency text not null,
    occurred_at timestamptz not null,
    constraint revenue_facts_pk primary key (fact_id),
    constraint revenue_facts_source_key unique nulls not distinct (kind, attempt_id, refund_id, run_id),
    constraint revenue_facts_source_check check (num_nonnulls(attempt_id, refund_id) = 1),
    constraint revenue_facts_kind_check check (kind in ('captured', 'overpaid', 'refunded', 'overpaid_returned'))
);

create index revenue_facts_order_idx on revenue_facts (order_id);

create function revenue_facts_are_final() returns trigger language plpgsql as $$
begin
    raise exception 'a revenue fact is never changed: write another one';
end
$$;

create trigger revenue_facts_final before update or delete on revenue_facts
for each statement execute function revenue_facts_are_final();

-- Every notification as it came, once per body; repetitions are counted.
create table webhooks (
    webhook_id uuid not null,
    provider text not null,
    digest bytea not null,
    -- Emptied when it is old, and when the buyer is erased.
    body bytea,
    address text not null,
    attempt_id uuid,
    verdict text not null,
    times integer not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    constraint webhooks_pk primary key (webhook_id),
    constraint webhooks_digest_key unique (provider, digest),
    constraint webhooks_verdict_check check (
        verdict in ('received', 'done', 'unknown_payment', 'other', 'malformed', 'forged', 'foreign_shop')
    )
);

create index webhooks_attempt_idx on webhooks (attempt_id) where attempt_id is not null;
create index webhooks_last_at_idx on webhooks (last_at);
