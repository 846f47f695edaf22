//! The service against a real PostgreSQL, a real RabbitMQ and a real S3 server; `testkit` says how to start the stores.

#![cfg(test)]

mod certificates;
mod copying;
mod desk;
mod document_system;
mod encrypted;
mod erase_tutor;
mod expire_paper;
mod file;
mod helpers;
mod listing;
mod refusing;
mod review_case;
mod submit_paper;
mod upload;
