//! What ids identify in the whole fleet: one append-only list of kinds, and a name for each id that the contract speaks
//! of.
//!
//! The generated code of the contract relies on the names: a field `run_id` holds an [`RunId`], a field `option_ids`
//! many [`OptionId`]s. So there is one name for every `…_id` field that holds a UUID, even where two of them identify
//! the same kind of thing.
//!
//! The same person is a user to the services users, payments, documents, notifications and analytics, and a learner to
//! courses. The two kinds do not mix by accident: `learner.cast::<kind::User>()` says that it is meant.

use values::Id;

/// The kinds. Append only: a kind's name stands in error messages.
pub mod kind {
    values::kinds! {
        User => "user",
        Session => "session",
        Consent => "consent",
        AuditEntry => "audit entry",
        Course => "course",
        Run => "run",
        Section => "section",
        Lesson => "lesson",
        Question => "question",
        Option => "option",
        Learner => "learner",
        Enrolment => "enrolment",
        Entitlement => "entitlement",
        Attempt => "attempt",
        Product => "product",
        Price => "price",
        PromoCode => "promo code",
        Order => "order",
        Intent => "payment intent",
        Payment => "payment",
        Refund => "refund",
        Fact => "revenue fact",
        Webhook => "webhook",
        Notification => "notification",
        Delivery => "delivery",
        Upload => "upload",
        File => "file",
        Case => "verification case",
        Inquiry => "question",
        Certificate => "certificate",
        Event => "event",
    }
}

/// An account; it survives the erasure of the person behind it.
pub type UserId = Id<kind::User>;
/// The user to whose account something was done.
pub type TargetUserId = UserId;
/// The last user of the page before.
pub type AfterUserId = UserId;
/// A user who orders.
pub type BuyerId = UserId;
/// A user who teaches.
pub type TutorId = UserId;
/// The last tutor of the page before.
pub type AfterTutorId = TutorId;
/// A user to whom something belongs.
pub type OwnerId = UserId;
/// A session, which is also the family of its refresh tokens.
pub type SessionId = Id<kind::Session>;
/// A record of a consent.
pub type ConsentId = Id<kind::Consent>;
/// A line of the audit log.
pub type AuditEntryId = Id<kind::AuditEntry>;

/// A course.
pub type CourseId = Id<kind::Course>;
/// A run of a course.
pub type RunId = Id<kind::Run>;
/// A section of a course.
pub type SectionId = Id<kind::Section>;
/// A lesson.
pub type LessonId = Id<kind::Lesson>;
/// A question of a quiz.
pub type QuestionId = Id<kind::Question>;
/// One of the answers that a question offers.
pub type OptionId = Id<kind::Option>;
/// A user as courses sees one.
pub type LearnerId = Id<kind::Learner>;
/// A learner's enrolment in a run.
pub type EnrolmentId = Id<kind::Enrolment>;
/// An attempt at a quiz.
pub type AttemptId = Id<kind::Attempt>;
/// The attempt that is not handed in yet.
pub type OpenAttemptId = AttemptId;

/// The right to a run, which payments grants.
pub type EntitlementId = Id<kind::Entitlement>;
/// What is sold.
pub type ProductId = Id<kind::Product>;
/// A price of a product.
pub type PriceId = Id<kind::Price>;
/// A promo code.
pub type PromoCodeId = Id<kind::PromoCode>;
/// An order.
pub type OrderId = Id<kind::Order>;
/// What an order waits to be paid by.
pub type IntentId = Id<kind::Intent>;
/// A payment: one attempt to pay an order.
pub type PaymentId = Id<kind::Payment>;
/// A refund.
pub type RefundId = Id<kind::Refund>;
/// A fact about revenue.
pub type FactId = Id<kind::Fact>;
/// A webhook that came in.
pub type WebhookId = Id<kind::Webhook>;

/// An entry of a person's feed.
pub type NotificationId = Id<kind::Notification>;
/// The last entry that a reader has.
pub type AfterNotificationId = NotificationId;
/// The newest entry that a person has seen.
pub type UpToNotificationId = NotificationId;
/// A mail.
pub type DeliveryId = Id<kind::Delivery>;

/// An upload that was announced.
pub type UploadId = Id<kind::Upload>;
/// A stored file.
pub type FileId = Id<kind::File>;
/// A case of verification.
pub type CaseId = Id<kind::Case>;
/// A question to the Document System.
pub type InquiryId = Id<kind::Inquiry>;
/// A certificate.
pub type CertificateId = Id<kind::Certificate>;
/// The certificate that another one replaces.
pub type PredecessorId = CertificateId;
/// The certificate that replaces another one.
pub type SuccessorId = CertificateId;
/// The last certificate of the page before.
pub type AfterCertificateId = CertificateId;

/// An event.
pub type EventId = Id<kind::Event>;
