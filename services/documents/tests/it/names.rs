//! The contract and the domain have the same names.

use contract::same_names;
use documents::domain::{case, certificate, file, paper, upload};
use proto::lyceum::documents::v1 as pb;

#[test]
fn the_contract_and_the_domain_have_the_same_names() {
    same_names::<pb::file::Kind, file::Kind>().unwrap();
    same_names::<pb::upload::State, upload::StateName>().unwrap();
    same_names::<pb::PaperKind, paper::PaperKind>().unwrap();
    same_names::<pb::verification_case::State, case::StateName>().unwrap();
    same_names::<pb::certificate::State, certificate::StateName>().unwrap();
}
