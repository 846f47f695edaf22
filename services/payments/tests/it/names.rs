//! The contract and the domain have the same names.

use contract::same_names;
use payments::domain::{attempt, order, product, promo, refund};
use proto::lyceum::payments::v1 as pb;

#[test]
fn the_contract_and_the_domain_have_the_same_names() {
    same_names::<pb::order::State, order::State>().unwrap();
    same_names::<pb::payment::Method, attempt::Method>().unwrap();
    same_names::<pb::payment::Provider, attempt::Provider>().unwrap();
    same_names::<pb::product::State, product::State>().unwrap();
    same_names::<pb::promo_code::State, promo::State>().unwrap();
    same_names::<pb::refund::Cause, refund::Cause>().unwrap();
    same_names::<pb::list_sales_orders_request::OrderBy, order::OrderBy>().unwrap();
    same_names::<pb::list_sales_products_request::OrderBy, product::OrderBy>().unwrap();
    same_names::<pb::list_promo_codes_request::OrderBy, promo::OrderBy>().unwrap();
}
