//! Small contracts from texts.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use contract_gen::{Api, Refused, compile};

/// The head of every test contract; its package is `lyceum.test.v1`.
const HEAD: &str = r#"syntax = "proto3";
package lyceum.test.v1;
import "buf/validate/validate.proto";
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "lyceum/api/v1/options.proto";
import "lyceum/values/v1/chunk.proto";
"#;

/// A folder of its own with the options and these files.
pub fn folder(files: &[(&str, String)]) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("contract-{}-{number}", std::process::id()));
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    for name in [
        "buf/validate/validate.proto",
        "google/api/annotations.proto",
        "google/api/field_behavior.proto",
        "google/api/http.proto",
        "lyceum/api/v1/options.proto",
        "lyceum/values/v1/chunk.proto",
    ] {
        write(&root.join(name), &fs::read_to_string(shared.join(name)).unwrap());
    }
    for (name, text) in files {
        write(&root.join(name), text);
    }
    root
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Loads a contract whose one package holds `text`. Texts and lists without rules get bounds, so that a test says only what
/// it is about.
pub fn load(text: &str) -> Result<Api, Refused> {
    load_as_written(&bounded(text))
}

fn bounded(text: &str) -> String {
    let declarations = text.split_inclusive(';').map(|declaration| {
        let Some(field) =
            declaration.strip_suffix(';').filter(|field| field.ends_with(|last: char| last.is_ascii_digit()))
        else {
            return declaration.to_owned();
        };
        let words: Vec<&str> = field.split_whitespace().rev().skip(2).collect();
        let (is_text, is_list) = (words.get(1) == Some(&"string"), words.get(2) == Some(&"repeated"));
        let rules = match (is_text, is_list) {
            (true, true) => "repeated = {max_items: 9, items: {string: {max_len: 99}}}",
            (true, false) => "string.max_len = 99",
            (false, true) => "repeated.max_items = 9",
            (false, false) => return declaration.to_owned(),
        };
        format!("{field} [(buf.validate.field).{rules}];")
    });
    declarations.collect()
}

/// Loads a contract whose one package holds exactly `text`.
pub fn load_as_written(text: &str) -> Result<Api, Refused> {
    let root = folder(&[("lyceum/test/v1/test.proto", format!("{HEAD}{text}"))]);
    let descriptors = compile(&root)?;
    fs::remove_dir_all(root).unwrap();
    Api::load(&descriptors)
}

/// A service with one rpc, `lyceum.test.v1.ThingService.DoThing`, with these options and fields of its request.
pub fn rpc(options: &str, fields: &str) -> String {
    format!(
        "service ThingService {{ rpc DoThing(DoThingRequest) returns (Thing) {{ {options} }} }}
         message DoThingRequest {{ {fields} }}
         message Thing {{ string id = 1; }}"
    )
}

/// The options of an rpc that can be served.
pub const PUBLIC_GET: &str = r#"option (google.api.http) = { get: "/v1/things" };
    option (lyceum.api.v1.access) = { public: true };"#;

/// Expects a refusal that holds `text`.
#[track_caller]
pub fn refused(contract: &str, text: &str) {
    let refused = load(contract).err().map(|refused| refused.to_string());
    let refused = refused.unwrap_or_else(|| panic!("not refused, although {text:?} was expected"));
    assert!(refused.contains(text), "expected {text:?}, was told:\n{refused}");
}
