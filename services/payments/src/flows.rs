//! One verb a file: load, decide, save, announce. A flow owns its transactions and calls a provider only between them.

pub mod archive_product;
pub mod ask_provider;
pub mod cancel_order;
pub mod create_product;
pub mod create_promo_code;
mod end_unpaid;
pub mod erase_buyer;
pub mod expire_order;
mod give_back;
pub mod measure;
pub mod pay_order;
pub mod place_order;
pub mod quote_price;
pub mod receive_webhook;
pub mod refund_order;
pub mod send_refund;
pub mod set_price;
pub mod settle_attempt;
pub mod sweep_webhooks;
pub mod update_product;
pub mod update_promo_code;
