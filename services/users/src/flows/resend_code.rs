//! A person asks for another code to confirm an address. Strangers learn nothing from the answer.

use super::{issue_code::issue_code, throttle};
use crate::{
    app::App,
    domain::{Refusal, audit::Requester, code::Purpose, email::EmailAddress, throttle::CODES_TO_ADDRESS},
    error::Result,
    store,
};

pub async fn run(app: &App, by: &Requester, email: EmailAddress) -> Result<()> {
    let now = app.clock.now();
    let subject = throttle::codes_to(app, Purpose::ConfirmEmail, &email);
    pg::transaction(&app.db, async |conn| {
        throttle::count(conn, &subject, &CODES_TO_ADDRESS, now).await?.map_err(Refusal::too_many_codes)?;
        if let Some(user) = store::users::find_by_email(conn, &email).await?
            && user.email_confirmed_at.is_none()
        {
            issue_code(app, conn, by, &user, Purpose::ConfirmEmail, now).await?;
        }
        Ok(())
    })
    .await
}
