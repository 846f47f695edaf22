//! Which requests are read here, and by what: the printed `read` of each, with values that take anything.
//!
//! Requests that change some fields are left out: the judge does not know that a mask names them.

use std::{str::FromStr, sync::LazyLock};

use proto::Message;
use rpc::{Fields, Invalid};
use tonic::Status;
use values::Named;

/// A value that takes every text and every name.
#[derive(Debug, Clone, Copy)]
pub struct Anything;

impl FromStr for Anything {
    type Err = values::BadTimeZone;

    fn from_str(_: &str) -> Result<Self, Self::Err> {
        Ok(Self)
    }
}

impl Named for Anything {
    const NAME: &'static str = "anything";
    const EXPECTED: &'static str = "anything";
    const ALL: &'static [Self] = &[Self];

    fn as_str(self) -> &'static str {
        "anything"
    }

    fn parse(_: &str) -> Option<Self> {
        Some(Self)
    }
}

/// Reads one request.
pub struct Reader {
    /// The full name of the message.
    pub request: String,
    /// Reads it from the wire.
    pub read: fn(&[u8]) -> Result<(), Invalid>,
}

fn judged<M: Message + Default, R>(sent: &[u8], read: fn(M, &mut Fields) -> Option<R>) -> Result<(), Invalid> {
    let mut fields = Fields::new();
    let read = read(M::decode(sent).unwrap(), &mut fields);
    fields.finish((read,)).map(drop)
}

macro_rules! types {
    ($($package:ident: [$($name:ident)*],)*) => {
        $(
            impl contract::$package::Types for Anything {
                type Error = Status;
                $(type $name = Anything;)*
            }
        )*
    };
}

macro_rules! readers {
    ($($package:ident: [$($plain:ident)*] [$($typed:ident)*],)*) => {
        vec![$(
            $(Reader {
                request: format!("lyceum.{}.v1.{}Request", stringify!($package), stringify!($plain)),
                read: |sent| judged(sent, contract::$package::$plain::read),
            },)*
            $(Reader {
                request: format!("lyceum.{}.v1.{}Request", stringify!($package), stringify!($typed)),
                read: |sent| judged(sent, contract::$package::$typed::<Anything>::read),
            },)*
        )*]
    };
}

types! {
    analytics: [Day ExportReportReport Granularity],
    courses: [AnswersShown CourseLevel CourseState Decimal EnrolmentState RunPacing RunSequence],
    documents: [CertificateReason Day FileKind FileName PaperKind PaperReason Sha256 VerificationCaseState],
    notifications: [Channel DeliveryState DigestEvery NotificationKind PreferenceRuleTiming TimeOfDay],
    payments: [OrderNumber OrderState PaymentMethod PaymentProvider ProductState PromoCode PromoCodeState],
    users: [Code DisplayName DocumentName DocumentVersion EmailAddress NewPassword TypedPassword UserRole
        UserState],
}

/// Every reader.
pub static READERS: LazyLock<Vec<Reader>> = LazyLock::new(|| {
    readers! {
        analytics:
            [GetCompletionFunnel GetDashboard GetLessonDropOff]
            [ExportReport GetActiveLearners GetRetentionReport GetRevenueReport GetSalesFunnel],
        courses:
            [ArchiveCourse CloseRun CompleteLesson CreateEnrolment CreateLessonMediaLink CreateSection DeleteLesson
                DeleteSection EndEnrolment ExportEnrolments ExtendEnrolment GetAuthoredCourse GetAuthoredRun
                GetCourse GetDraft GetDraftLesson GetEnrolment GetLesson GetOutline GetQuizAttempt GetResumePoint
                GetSyllabus MoveLesson MoveSection PauseEnrolment PublishCourse PublishRun RestoreCourse
                ResumeEnrolment SaveAnswers SendHeartbeat StartQuizAttempt SubmitQuizAttempt UnpublishCourse]
            [CreateCourse CreateLesson CreateRun ReplaceDraft],
        documents:
            [AbortUpload CheckCertificate CompleteUpload CreateCaseFileLinks CreateCertificateLink
                CreateDownloadLink CreateMediaLink DeleteFile EscalateCase ExportCertificates ExportTutors
                GetCertificate GetFile GetMyVerificationCase GetUpload GetVerificationCase ReissueCertificate
                WithdrawPaper]
            [ApproveCase CreatePartLinks CreateUpload RejectCase RevokeCertificate RevokeVerification SubmitPaper],
        notifications:
            [ClearBouncedAddress GetDelivery GetUnsubscribeLink MarkAllNotificationsRead MarkNotificationRead
                Unsubscribe WatchNotifications]
            [],
        payments:
            [ArchiveProduct CancelOrder CreatePrice CreateProduct CreateRefund GetOrder GetProduct GetPromoCode
                GetSalesOrder GetSalesProduct ListPayments ListRefunds ListSalesPayments ReceiveWebhook]
            [CreateOrder CreatePromoCode PayOrder QuotePrice],
        users:
            [BlockUser ExportProfiles GetUser RefreshSession RevokeMySession SignOut UnblockUser WithdrawConsent]
            [ChangePassword ConfirmEmail EraseUser GiveConsent Register RequestPasswordReset ResendCode
                ResetPassword SignIn],
    }
});
