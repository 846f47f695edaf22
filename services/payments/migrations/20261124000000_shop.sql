-- What can be bought: copies of runs, products, prices, promo codes.

-- A copy from RunPublished, so that a product grants only what exists. Applied only when the version is higher.
create table runs (
    run_id uuid not null,
    course_id uuid not null,
    title text not null,
    language text not null,
    version bigint not null,
    constraint runs_pk primary key (run_id)
);

create table products (
    product_id uuid not null,
    title text not null,
    description text not null,
    state text not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint products_pk primary key (product_id),
    constraint products_state_check check (state in ('active', 'archived'))
);

create table product_grants (
    product_id uuid not null,
    position smallint not null,
    run_id uuid not null,
    access_seconds bigint,
    constraint product_grants_pk primary key (product_id, position),
    constraint product_grants_run_key unique (product_id, run_id),
    constraint product_grants_product_fk foreign key (product_id) references products,
    constraint product_grants_run_fk foreign key (run_id) references runs
);

create index product_grants_run_idx on product_grants (run_id);

-- Append only: the price in force is the one that started last and has not ended.
create table prices (
    price_id uuid not null,
    product_id uuid not null,
    currency text not null,
    amount_minor bigint not null,
    starts_at timestamptz not null,
    ends_at timestamptz,
    created_at timestamptz not null,
    constraint prices_pk primary key (price_id),
    constraint prices_start_key unique (product_id, currency, starts_at),
    constraint prices_product_fk foreign key (product_id) references products,
    constraint prices_amount_check check (amount_minor >= 0),
    constraint prices_window_check check (ends_at > starts_at)
);

create table promo_codes (
    promo_code_id uuid not null,
    code text not null,
    -- What codes are compared by, so that case does not matter.
    folded text not null,
    percent_basis_points integer,
    amount_minor bigint,
    currency text,
    starts_at timestamptz not null,
    ends_at timestamptz,
    -- Zero for no limit.
    max_uses integer not null,
    max_uses_per_buyer integer not null,
    state text not null,
    uses integer not null,
    version bigint not null,
    created_at timestamptz not null,
    constraint promo_codes_pk primary key (promo_code_id),
    constraint promo_codes_folded_key unique (folded),
    constraint promo_codes_state_check check (state in ('active', 'disabled')),
    constraint promo_codes_discount_check check (
        num_nonnulls(percent_basis_points, amount_minor) = 1 and (amount_minor is null) = (currency is null)
    ),
    constraint promo_codes_window_check check (ends_at > starts_at),
    -- The last use is taken by one order only, whatever the code above thinks.
    constraint promo_codes_uses_check check (uses >= 0 and (max_uses = 0 or uses <= max_uses))
);

create table promo_code_products (
    promo_code_id uuid not null,
    product_id uuid not null,
    constraint promo_code_products_pk primary key (promo_code_id, product_id),
    constraint promo_code_products_promo_code_fk foreign key (promo_code_id) references promo_codes,
    constraint promo_code_products_product_fk foreign key (product_id) references products
);
