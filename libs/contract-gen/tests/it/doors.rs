//! Typed operations: what a service gets to see of a request, and what tonic gets from it.

use contract_gen::{doors, readers};

use crate::helpers::load;

const CONTRACT: &str = r#"
service BookService {
  // Lists books.
  rpc ListBooks(ListBooksRequest) returns (ListBooksResponse) {
    option (google.api.http) = {get: "/v1/books"};
    option (lyceum.api.v1.access) = {public: true};
    option (lyceum.api.v1.paging) = {default_size: 20 max_size: 100};
  }
  // Changes a book.
  rpc UpdateBook(UpdateBookRequest) returns (Book) {
    option (google.api.http) = {patch: "/v1/books/{book_id}" body: "book"};
    option (lyceum.api.v1.access) = {permission: "books.edit"};
    option (lyceum.api.v1.idempotency) = IDEMPOTENCY_NONE;
    option (lyceum.api.v1.body_limit) = 200000;
  }
  // Opens a safe.
  rpc OpenSafe(OpenSafeRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = {post: "/v1/safe" body: "*"};
    option (lyceum.api.v1.access) = {signed_in: true};
    option (lyceum.api.v1.idempotency) = IDEMPOTENCY_OPTIONAL;
  }
}
message ListBooksRequest {
  Book.Shelf shelf = 1 [(buf.validate.field).enum.defined_only = true];
  int32 page_size = 2 [(buf.validate.field).int32.gte = 0];
  string page_token = 3 [(buf.validate.field).string.max_len = 1024];
}
message ListBooksResponse {
  repeated Book books = 1;
  string next_page_token = 2;
}
message UpdateBookRequest {
  string book_id = 1 [(buf.validate.field).string.uuid = true];
  Book book = 2 [(buf.validate.field).required = true];
  google.protobuf.FieldMask update_mask = 3;
  string etag = 4 [(buf.validate.field).string.max_len = 64, (lyceum.api.v1.header) = HEADER_IF_MATCH];
}
message OpenSafeRequest {
  string number = 1 [
    (buf.validate.field).string = {min_len: 4, max_len: 12},
    (lyceum.api.v1.value) = "SafeNumber",
    debug_redact = true
  ];
  int32 turns = 2 [(buf.validate.field).int32 = {gte: 0, lte: 9}];
  string token = 3 [debug_redact = true, (buf.validate.field).string = {min_len: 1, max_len: 99}];
  map<string, string> labels = 4 [
    (buf.validate.field).map = {max_pairs: 3, keys: {string: {max_len: 20}}, values: {string: {max_bytes: 300}}}
  ];
}
message Book {
  enum Shelf {
    SHELF_UNSPECIFIED = 0;
    SHELF_UPPER_LEFT = 1;
  }
  string book_id = 1 [(google.api.field_behavior) = OUTPUT_ONLY];
  string title = 2 [(buf.validate.field).string = {min_len: 1, max_len: 200}];
  optional string note = 3 [(buf.validate.field).string = {min_len: 1, max_len: 500}];
  oneof form {
    Paper paper = 4;
    Sound sound = 5;
  }
}
message Paper {
  int32 pages = 1 [(buf.validate.field).int32.gte = 1];
}
message Sound {
  google.protobuf.Duration length = 1 [(buf.validate.field).required = true];
}
"#;

/// The code without its line breaks, so that a test does not depend on how it is laid out.
fn printed() -> String {
    let code = doors(&load(CONTRACT).unwrap(), "lyceum.test.v1");
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn holds(piece: &str) {
    let code = printed();
    assert!(code.contains(piece), "{piece}\n\nis not in\n\n{code}");
}

#[test]
fn a_request_is_a_struct_of_values() {
    holds("pub shelf: Option<T::BookShelf>,");
    holds("pub page: PageRequest,");
    holds("(20, 100)");
    holds("pub book_id: ::ids::BookId,");
    holds("pub etag: Option<i64>,");
    holds("pub number: T::SafeNumber,");
    holds("pub turns: u32,");
}

#[test]
fn bounds_of_a_text_are_its_type() {
    holds("pub title: Option<::values::Text<1, 200>>,");
    holds("pub note: Option<Option<::values::Text<1, 500>>>,");
}

#[test]
fn a_patch_holds_what_the_mask_names_and_nothing_that_only_the_server_sets() {
    let code = printed();
    let patch = code.split("pub struct BookPatch").nth(1).and_then(|rest| rest.split('}').next()).unwrap().to_owned();
    assert!(!patch.contains("book_id"), "{patch}");
    assert!(patch.contains("pub form: Option<BookInputForm>"), "{patch}");
    holds("if mask.changes(\"title\", !sent.title.is_empty())");
    holds("if mask.changes(\"note\", sent.note.is_some())");
}

#[test]
fn a_service_brings_its_own_types() {
    holds("type BookShelf: ::values::Named");
    holds("type SafeNumber: ::std::str::FromStr");
    holds("&[(1, \"upper_left\")]");
}

#[test]
fn an_operation_is_a_method_over_values() {
    holds("pub trait BookService: Types {");
    holds(
        "fn list_books(&self, call: Call, ask: ListBooks<Self>) -> impl Future<Output = Result<Page<pb::Book>, Self::Error>>",
    );
    holds("fn update_book(&self, call: Call, ask: UpdateBook) -> impl Future<Output = Result<pb::Book, Self::Error>>");
    holds("fn open_safe(&self, call: Call, ask: OpenSafe<Self>) -> impl Future<Output = Result<(), Self::Error>>");
}

#[test]
fn the_largest_request_limits_what_is_read() {
    holds(".max_decoding_message_size(200000)");
}

#[test]
fn secrets_are_no_part_of_what_a_key_remembers() {
    holds("|sent| { sent.number = Default::default(); sent.token = Default::default(); }");
}

#[test]
fn a_secret_is_not_printed() {
    holds("pub token: Secret,");
    holds("read::secret(fields, \"token\", sent.token, 1..=99)");
}

#[test]
fn a_map_is_bounded_in_each_way() {
    holds("read::map(fields, \"labels\", sent.labels, 0..=3, 0..=20, 0..=300)");
}

#[test]
fn readers_cover_every_request() {
    let code = readers(&load(CONTRACT).unwrap());
    let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
    for piece in [
        "impl contract::test::Types for Anything { type Error = tonic::Status; type BookShelf = Anything;type SafeNumber = Anything; }",
        "const ALL: &[Anything] = &[Anything(\"upper_left\"),];",
        "request: \"lyceum.test.v1.ListBooksRequest\", patch: false, read: |sent| judged(sent, contract::test::ListBooks::<Anything>::read)",
        "request: \"lyceum.test.v1.UpdateBookRequest\", patch: true, read: |sent| judged(sent, contract::test::UpdateBook::read)",
    ] {
        assert!(code.contains(piece), "{piece}\n\nis not in\n\n{code}");
    }
}
