//! The derives and the macro of `values`, which re-exports them: nobody else names this crate.
//!
//! What they print names only `::values`, so that whoever uses them needs no other dependency. A mistake is told at its
//! place.

mod column;
mod named;
mod patch;
mod record;
mod refusals;
mod refusals_parse;
mod variants;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// A text form for an enum without data: see `values::Named`.
#[proc_macro_derive(Named, attributes(named))]
pub fn named(input: TokenStream) -> TokenStream {
    printed(named::derive(&parse_macro_input!(input as DeriveInput)))
}

/// A row of a table: see `values::Record`.
#[proc_macro_derive(Record, attributes(record))]
pub fn record(input: TokenStream) -> TokenStream {
    printed(record::derive(&parse_macro_input!(input as DeriveInput)))
}

/// One column from a struct with one unnamed field: see the README of `values`.
#[proc_macro_derive(Column, attributes(column))]
pub fn column(input: TokenStream) -> TokenStream {
    printed(column::derive(&parse_macro_input!(input as DeriveInput)))
}

/// A struct that says which fields of another one change: see the README of `values`.
#[proc_macro_derive(Patch, attributes(patch))]
pub fn patch(input: TokenStream) -> TokenStream {
    printed(patch::derive(&parse_macro_input!(input as DeriveInput)))
}

/// A table of refusals: see `values::refusal`.
#[proc_macro]
pub fn refusals(input: TokenStream) -> TokenStream {
    refusals::print(&parse_macro_input!(input as refusals_parse::Table)).into()
}

fn printed(code: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    code.unwrap_or_else(|error| error.into_compile_error()).into()
}
