-- Each filter and order of the lists of the staff has its index. The ids of deliveries grow with time, so that an index
-- which ends with the id also serves the order of time and its ranges.

-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index deliveries_state_idx on deliveries (state, delivery_id);
-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index deliveries_kind_idx on deliveries (kind, delivery_id);
-- lint: require-concurrent-index-creation: a school has thousands of bounced addresses, so that it takes milliseconds
create index bounced_addresses_latest_idx on bounced_addresses (bounced_at, recipient_id);
