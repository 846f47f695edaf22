//! The kinds of ids that this service hands out; append only.

values::kinds! {
    User => "user",
    Session => "session",
    Consent => "consent",
    AuditEntry => "audit entry",
}

/// Identifies an account; survives the erasure of the person behind it.
pub type UserId = values::Id<User>;
/// Identifies a session, which is also the family of its refresh tokens.
pub type SessionId = values::Id<Session>;
/// Identifies a record of a consent.
pub type ConsentId = values::Id<Consent>;
/// Identifies a line of the audit log.
pub type AuditEntryId = values::Id<AuditEntry>;
