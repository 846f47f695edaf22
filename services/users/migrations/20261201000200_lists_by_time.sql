-- Accounts by when they were opened and in which state they are, and the audit log by when something happened.

-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index users_created_idx on users (created_at);
-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index users_state_idx on users (state, user_id);
-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index audit_entries_occurred_idx on audit_entries (occurred_at);
