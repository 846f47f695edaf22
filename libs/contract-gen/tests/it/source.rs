//! Mistakes in the sources are named by file, line and column.

use std::fs;

use contract_gen::{Api, compile, proto_files, without_comments};

use crate::helpers::folder;

fn told(text: &str) -> String {
    let root = folder(&[("lyceum/test/v1/test.proto", text.to_owned())]);
    let told = compile(&root).unwrap_err().to_string();
    fs::remove_dir_all(root).unwrap();
    told
}

#[test]
fn a_syntax_error_is_named_by_file_and_line() {
    let told = told("syntax = \"proto3\";\npackage lyceum.test.v1;\nmessage Thing {\n  string id 1;\n}\n");
    assert!(told.contains("lyceum/test/v1/test.proto:4:13"), "{told}");
    assert!(told.contains("expected"), "{told}");
}

#[test]
fn an_unknown_type_and_an_unknown_import_are_named_by_file() {
    let told_of_type = told("syntax = \"proto3\";\npackage lyceum.test.v1;\nmessage Thing {\n  Other other = 1;\n}\n");
    assert!(told_of_type.contains("lyceum/test/v1/test.proto:4:3"), "{told_of_type}");
    assert!(told_of_type.contains("Other"), "{told_of_type}");
    let told_of_import = told("syntax = \"proto3\";\npackage lyceum.test.v1;\nimport \"nowhere.proto\";\n");
    assert!(told_of_import.contains("lyceum/test/v1/test.proto"), "{told_of_import}");
    assert!(told_of_import.contains("nowhere.proto"), "{told_of_import}");
}

#[test]
fn only_proto_files_are_found_in_order() {
    let root = folder(&[("b.proto", String::new()), ("a/z.proto", String::new()), ("a/notes.md", String::new())]);
    let found: Vec<_> = proto_files(&root).unwrap().iter().map(|path| path.display().to_string()).collect();
    fs::remove_dir_all(root).unwrap();
    assert_eq!(found[0], "a/z.proto");
    assert_eq!(found[1], "b.proto");
    assert!(found.iter().all(|path| path.ends_with(".proto")));
}

#[test]
fn comments_are_stripped_and_options_stay() {
    let text = "syntax = \"proto3\";\npackage lyceum.test.v1;\nimport \"lyceum/api/v1/options.proto\";\n// A secret remark.\n\
        service S { rpc Do(DoRequest) returns (DoRequest) { option (lyceum.api.v1.access) = { signed_in: true }; } }\n\
        message DoRequest {}\n";
    let root = folder(&[("lyceum/test/v1/test.proto", text.to_owned())]);
    let descriptors = compile(&root).unwrap();
    fs::remove_dir_all(root).unwrap();
    let bare = without_comments(&descriptors).unwrap();
    assert!(String::from_utf8_lossy(&descriptors).contains("A secret remark"));
    assert!(!String::from_utf8_lossy(&bare).contains("A secret remark"));
    assert_eq!(Api::load(&bare).unwrap().rpcs[0].access, contract_gen::Access::SignedIn);
}
