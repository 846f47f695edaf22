-- Each filter and order of the lists of the staff has its index. The ids of orders, products and promo codes grow with
-- time, so that an index which ends with the id also serves the order of time and its ranges.

-- lint: require-concurrent-index-creation: no school sells by this release's predecessor yet
create index orders_state_idx on orders (state, order_id);
-- lint: require-concurrent-index-creation: no school sells by this release's predecessor yet
create index orders_promo_code_idx on orders (promo_code_id, order_id) where promo_code_id is not null;
-- lint: require-concurrent-index-creation: no school sells by this release's predecessor yet
create index order_items_product_idx on order_items (product_id, order_id);

-- lint: require-concurrent-index-creation: no school sells by this release's predecessor yet
create index products_state_idx on products (state, product_id);
-- lint: require-concurrent-index-creation: no school sells by this release's predecessor yet
create index products_title_idx on products (title, product_id);
-- lint: require-concurrent-index-creation: no school sells by this release's predecessor yet
create index runs_course_idx on runs (course_id);

-- lint: require-concurrent-index-creation: no school sells by this release's predecessor yet
create index promo_codes_state_idx on promo_codes (state, promo_code_id);
-- lint: require-concurrent-index-creation: no school sells by this release's predecessor yet
create index promo_code_products_product_idx on promo_code_products (product_id, promo_code_id);
