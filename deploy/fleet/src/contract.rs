//! `cargo fleet contract accept`: makes today's contract the one that later changes are checked against.

use anyhow::{Context, Result};

use crate::cargo::cargo;
use crate::home::Home;
use crate::process::run_well;

pub(crate) async fn accept(home: &Home) -> Result<()> {
    let mut command = cargo(home);
    command.args(["run", "--package", "contract-gen", "--example", "accept"]);
    run_well(command).await.context("the contract was not accepted")
}
