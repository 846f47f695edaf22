//! The ids that documents knows. An ask is a question to the Document System.

pub use ids::{
    CaseId, CertificateId, CourseId, EnrolmentId, EventId, FileId, InquiryId as AskId, RunId, UploadId, UserId,
};
