//! Kills what the fleet is made of, and counts.
