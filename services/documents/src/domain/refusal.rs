//! Every reason for which the law says no: its kind, its text for the caller, its public code and what it tells
//! machines.

use super::upload::{AT_ONCE, MOST_OPEN, Mismatch};

values::refusals! {
    /// A request that the law refuses, or a store that cannot do it now.
    pub enum Refusal {
        UploadNotFound: NotFound "there is no such upload",
        FileNotFound: NotFound "there is no such file",
        KindNotAllowed: Forbidden "only those who edit courses upload files of this kind",
        ContentTypeNotAllowed: Invalid "this content type is not allowed for this kind of file",
        SizeNotAllowed { max: i64 }: Invalid "a file of this kind has 1 to {max} bytes",
        ChecksumMissing: Invalid ("is required for a file of at most {} bytes", AT_ONCE) as "INVALID" at "sha256",
        ChecksumNotWanted: Invalid
            ("is left out for a file of more than {} bytes", AT_ONCE) as "INVALID" at "sha256",
        TooManyUploads: TooMany ("{max} uploads are open already: complete or abort one", max = MOST_OPEN),
        UploadIncomplete: Conflict "not everything has been written yet",
        SizeMismatch: Conflict "what was written is not as long as announced",
        ChecksumMismatch: Conflict "what was written has another checksum than announced",
        ContentMismatch: Conflict "what was written is not what the content type says",
        UploadOver: Conflict "the upload is over",
        UploadNotInParts: Conflict "the file is written at once, not in parts",
        FileInUse: Conflict "a verification case rests on the file",
        AccountErased: Conflict "the account was erased",
        /// What the store said is for the log alone.
        StoreUnavailable(String): Unavailable "the object store is not available: {0}" after 3,

        CaseNotFound: NotFound "there is no such case",
        CaseOpen: Conflict "a case about this kind of paper is open already",
        CaseDecided: Conflict "the case is decided",
        CaseNotInReview: Conflict "the Document System has the case: take it to people first",
        CaseNotVerified: Conflict "only a paper that is verified can lose that",
        SameReviewer: Conflict "somebody else has to give the second approval",
        OwnPaper: Forbidden "nobody reviews a paper of their own",
        DatesDiffer: Conflict "the first approval names another last day: look again, and agree",
        PaperOutOfDate: Conflict "the paper is out of date",
        NotAPaper: Conflict "one of the files is not a paper of yours",

        CertificateNotFound: NotFound "there is no certificate of this number or id",
        CertificateNumberMistyped: NotFound
            "this is no number of a certificate; one of its characters may be mistyped",
        CertificateNotPrinted: Conflict "the PDF of this certificate is still being made" after 1,
        CertificateRevoked: Conflict "this certificate was declared void",
        CertificateReplaced: Conflict "this certificate was issued anew; its successor holds",
        CertificateErased: Conflict "the holder of this certificate was erased",
    }
}

impl From<Mismatch> for Refusal {
    fn from(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::Size => Self::SizeMismatch,
            Mismatch::Checksum => Self::ChecksumMismatch,
            Mismatch::Content => Self::ContentMismatch,
        }
    }
}
