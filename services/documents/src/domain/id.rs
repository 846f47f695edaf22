//! What ids identify here. Append only: a kind's name stands in error messages.

use values::Id;

/// The kinds themselves, named like the things, which is why they live in a module of their own.
pub mod kind {
    values::kinds! {
        Upload => "upload",
        File => "file",
        User => "user",
        Case => "verification case",
        Ask => "question",
        Certificate => "certificate",
        Course => "course",
        Run => "run",
        Enrolment => "enrolment",
        Event => "event",
    }
}

pub type UploadId = Id<kind::Upload>;
pub type FileId = Id<kind::File>;
pub type UserId = Id<kind::User>;
pub type CaseId = Id<kind::Case>;
pub type AskId = Id<kind::Ask>;
pub type CertificateId = Id<kind::Certificate>;
pub type CourseId = Id<kind::Course>;
pub type RunId = Id<kind::Run>;
pub type EnrolmentId = Id<kind::Enrolment>;
pub type EventId = Id<kind::Event>;
