//! `cargo fleet contract accept`: makes today's contract the one that later changes are held against.

use anyhow::{Result, bail};

use crate::cargo::cargo;
use crate::home::Home;

pub(crate) async fn accept(home: &Home) -> Result<()> {
    let status = cargo(home).args(["run", "--package", "contract-gen", "--example", "accept"]).status().await?;
    if !status.success() {
        bail!("the contract was not accepted");
    }
    Ok(())
}
