//! What this service does about each event that it hears; each handler calls a flow. It announces nothing.

use std::sync::Arc;

use bus::{
    Envelope, Failure,
    field::{date, id, instant, money, optional_date},
};
use proto::lyceum::events::v1::{
    CertificateIssued, CertificateRevoked, CodeIssued, CourseCompleted, DocumentExpired, DocumentExpiring,
    DocumentRejected, DocumentVerified, EnrolmentStarted, OrderPaid, OrderRefunded, PasswordChanged, PaymentFailed,
    ProfileChanged, RunPublished, SessionsRevoked, TutorVerificationEnded, TutorVerified, UserErased, code_issued,
    sessions_revoked,
};
use sqlx::PgConnection;

use crate::app::App;
use crate::domain::id::RunId;
use crate::domain::notice::{Code, EndReason, Notice, Paper};
use crate::domain::recipient::Profile;
use crate::{flows, store};

pub async fn on_profile_changed(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: ProfileChanged,
) -> Result<(), Failure> {
    let profile = Profile {
        user_id: event.user_id,
        display_name: event.display_name,
        email: event.email,
        email_confirmed: event.email_confirmed,
        language: event.language,
        time_zone: event.time_zone,
        version: envelope.aggregate_version,
    };
    Ok(flows::keep_recipient::run(conn, profile, app.clock.now()).await?)
}

pub async fn on_user_erased(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: UserErased,
) -> Result<(), Failure> {
    let user = id("user_id", &event.user_id)?;
    Ok(flows::erase_recipient::run(conn, user, envelope.aggregate_version, app.clock.now()).await?)
}

pub async fn on_run_published(
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: RunPublished,
) -> Result<(), Failure> {
    let run = id("run_id", &event.run_id)?;
    Ok(flows::keep_run::run(conn, run, envelope.aggregate_version, &event.title).await?)
}

pub async fn on_code_issued(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: CodeIssued,
) -> Result<(), Failure> {
    let purpose = event.purpose();
    let (code, expires_at) = (Code::new(event.code), instant("expires_at", event.expires_at)?);
    let notice = match purpose {
        code_issued::Purpose::ConfirmEmail => Notice::ConfirmEmail { code, expires_at },
        code_issued::Purpose::ResetPassword => Notice::ResetPassword { code, expires_at },
        code_issued::Purpose::Unspecified => {
            return Err(Failure::DeadLetter("the purpose of a code is unknown".to_owned()));
        }
    };
    tell(app, conn, envelope, "user_id", &event.user_id, notice).await
}

pub async fn on_order_paid(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: OrderPaid,
) -> Result<(), Failure> {
    let (order, total) = (id("order_id", &event.order_id)?, money("total", event.total)?);
    let notice = Notice::OrderPaid { order, number: event.number, total };
    tell(app, conn, envelope, "buyer_id", &event.buyer_id, notice).await
}

pub async fn on_order_refunded(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: OrderRefunded,
) -> Result<(), Failure> {
    let (order, amount) = (id("order_id", &event.order_id)?, money("amount", event.amount)?);
    let notice = Notice::OrderRefunded { order, number: event.number, amount };
    tell(app, conn, envelope, "buyer_id", &event.buyer_id, notice).await
}

pub async fn on_payment_failed(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: PaymentFailed,
) -> Result<(), Failure> {
    let order = id("order_id", &event.order_id)?;
    let notice = Notice::PaymentFailed { order, number: event.number, reason: event.reason };
    tell(app, conn, envelope, "buyer_id", &event.buyer_id, notice).await
}

pub async fn on_enrolment_started(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: EnrolmentStarted,
) -> Result<(), Failure> {
    let run = id("run_id", &event.run_id)?;
    let notice = Notice::EnrolmentStarted { run, title: run_title(conn, run).await? };
    tell(app, conn, envelope, "learner_id", &event.learner_id, notice).await
}

pub async fn on_course_completed(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: CourseCompleted,
) -> Result<(), Failure> {
    let (run, completed_at) = (id("run_id", &event.run_id)?, instant("completed_at", event.completed_at)?);
    let notice = Notice::CourseCompleted { run, title: run_title(conn, run).await?, completed_at };
    tell(app, conn, envelope, "learner_id", &event.learner_id, notice).await
}

pub async fn on_password_changed(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: PasswordChanged,
) -> Result<(), Failure> {
    tell(app, conn, envelope, "user_id", &event.user_id, Notice::PasswordChanged).await
}

pub async fn on_sessions_revoked(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: SessionsRevoked,
) -> Result<(), Failure> {
    let reason = match event.reason() {
        sessions_revoked::Reason::SignedOut => EndReason::SignedOut,
        sessions_revoked::Reason::TokenReused => EndReason::TokenReused,
        sessions_revoked::Reason::PasswordChanged => EndReason::PasswordChanged,
        sessions_revoked::Reason::Blocked => EndReason::Blocked,
        sessions_revoked::Reason::Unspecified => return Err(Failure::DeadLetter("the reason is unknown".to_owned())),
    };
    tell(app, conn, envelope, "user_id", &event.user_id, Notice::SessionsRevoked { reason }).await
}

pub async fn on_certificate_issued(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: CertificateIssued,
) -> Result<(), Failure> {
    let (certificate, run) = (id("certificate_id", &event.certificate_id)?, id("run_id", &event.run_id)?);
    let (title, again) = (run_title(conn, run).await?, !event.predecessor_id.is_empty());
    let notice = Notice::CertificateIssued { certificate, number: event.number, title, again };
    tell(app, conn, envelope, "learner_id", &event.learner_id, notice).await
}

pub async fn on_certificate_revoked(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: CertificateRevoked,
) -> Result<(), Failure> {
    let certificate = id("certificate_id", &event.certificate_id)?;
    let replaced = !event.successor_id.is_empty();
    let notice = Notice::CertificateRevoked { certificate, number: event.number, replaced };
    tell(app, conn, envelope, "learner_id", &event.learner_id, notice).await
}

pub async fn on_document_verified(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: DocumentVerified,
) -> Result<(), Failure> {
    let (case, valid_until) = (id("case_id", &event.case_id)?, optional_date("valid_until", &event.valid_until)?);
    let notice = Notice::DocumentVerified { case, paper: Paper::of(&event.kind), valid_until };
    tell(app, conn, envelope, "tutor_id", &event.tutor_id, notice).await
}

pub async fn on_document_rejected(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: DocumentRejected,
) -> Result<(), Failure> {
    let notice = Notice::DocumentRejected { case: id("case_id", &event.case_id)?, paper: Paper::of(&event.kind) };
    tell(app, conn, envelope, "tutor_id", &event.tutor_id, notice).await
}

pub async fn on_document_expiring(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: DocumentExpiring,
) -> Result<(), Failure> {
    let case = id("case_id", &event.case_id)?;
    let valid_until = date("valid_until", &event.valid_until)?;
    let (paper, days_left) = (Paper::of(&event.kind), event.days_left);
    let notice = Notice::DocumentExpiring { case, paper, valid_until, days_left };
    tell(app, conn, envelope, "tutor_id", &event.tutor_id, notice).await
}

pub async fn on_document_expired(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: DocumentExpired,
) -> Result<(), Failure> {
    let notice = Notice::DocumentExpired { case: id("case_id", &event.case_id)?, paper: Paper::of(&event.kind) };
    tell(app, conn, envelope, "tutor_id", &event.tutor_id, notice).await
}

pub async fn on_tutor_verified(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: TutorVerified,
) -> Result<(), Failure> {
    let notice = Notice::TutorVerified { valid_until: optional_date("valid_until", &event.valid_until)? };
    tell(app, conn, envelope, "tutor_id", &event.tutor_id, notice).await
}

pub async fn on_tutor_verification_ended(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: TutorVerificationEnded,
) -> Result<(), Failure> {
    let notice = Notice::TutorVerificationEnded { expired: event.reason == "EXPIRED" };
    tell(app, conn, envelope, "tutor_id", &event.tutor_id, notice).await
}

async fn tell(
    app: &App,
    conn: &mut PgConnection,
    envelope: &Envelope,
    field: &'static str,
    user: &str,
    notice: Notice,
) -> Result<(), Failure> {
    Ok(flows::tell::run(app, conn, id("id", &envelope.id)?, id(field, user)?, &notice).await?)
}

/// What a run is called. It is announced before anybody can be enrolled, so an event about an unknown one came too early.
async fn run_title(conn: &mut PgConnection, run: RunId) -> Result<String, Failure> {
    let title = store::runs::title(conn, run).await?;
    title.ok_or_else(|| Failure::TooEarly(format!("run {run} is not known yet")))
}
