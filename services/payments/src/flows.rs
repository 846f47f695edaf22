//! One verb a file: load, decide, save, announce. A flow owns its transactions and calls a provider only between them.

pub mod ask;
pub mod cancel_order;
pub mod create_product;
pub mod edit_product;
pub mod erase_buyer;
pub mod expire_order;
pub mod give_back;
pub mod hear_webhook;
pub mod issue_promo_code;
pub mod measure;
pub mod pay_order;
pub mod place_order;
pub mod quote;
pub mod refund_order;
pub mod send_refund;
pub mod set_price;
pub mod settle;
