//! The law: what may be uploaded and what a file must hold, how a paper comes to be believed, what a certificate says.
//! No SQL, no wire, no clock, no logging.

pub mod case;
pub mod certificate;
pub mod content;
pub mod file;
pub mod id;
pub mod number;
pub mod paper;
pub mod refusal;
pub mod tutor;
pub mod upload;

pub use case::Case;
pub use certificate::Certificate;
pub use file::File;
pub use refusal::Refusal;
pub use tutor::Tutor;
pub use upload::Upload;
