-- Each filter of the lists of the staff has its index. Ids grow with time, so that an index which ends with the id also
-- serves the order of time and its ranges.

-- lint: require-concurrent-index-creation: a school has thousands of cases, so that it takes milliseconds
create index verification_cases_kind_idx on verification_cases (kind, case_id);
-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index certificates_state_idx on certificates (state, certificate_id);
