//! Payments as its neighbours see it: gRPC through the guard, a real PostgreSQL, and a bank that is written from the
//! bank's documents.

#![cfg(test)]

mod bank;
mod erasure;
mod expiry;
mod exporting;
mod helpers;
mod listing;
mod names;
mod order;
mod overpaid;
mod pay;
mod product;
mod promo;
mod refund;
mod settle;
mod waiting;
mod webhook;
