set lock_timeout = '5s';

-- Whether the mail waits until its person confirms the address; `next_attempt_at` and `expires_at` are when it is given up.
alter table deliveries
    add column unconfirmed boolean not null default false;
