//! The typed operations of every service, printed from the contract at build time.
//!
//! Reading order: a service implements the trait of its module below (`courses::CatalogService`) for its door and hands the
//! door to the function of the same name, which answers gRPC calls by it. [`Call`] is who calls and under which key;
//! [`PageRequest`] which page is asked for; [`show!`] maps its values onto messages. How fields are read stands in `read`.

mod call;
mod export;
mod exported;
mod field;
mod page;
/// For the printed code; nobody else needs it.
#[doc(hidden)]
pub mod read;
mod secret;
mod served;
mod wire;

pub use call::Call;
pub use export::export;
pub use exported::exported;
pub use field::{Show, Twin, given, show};
pub use page::PageRequest;
pub use secret::Secret;
pub use served::{Adapter, Streamed};
pub use values::Page;
pub use wire::{Wire, same_names};

macro_rules! packages {
    ($($module:ident => $file:literal),* $(,)?) => {
        $(
            #[doc = concat!("The operations of ", stringify!($module), ".")]
            pub mod $module {
                include!(concat!(env!("OUT_DIR"), "/", $file));
            }
        )*
    };
}

packages! {
    analytics => "analytics.rs",
    courses => "courses.rs",
    documents => "documents.rs",
    notifications => "notifications.rs",
    payments => "payments.rs",
    users => "users.rs",
}
