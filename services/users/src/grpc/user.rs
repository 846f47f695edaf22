//! UserService: people and their accounts, and what the back office does with them.

use contract::{Call, Page, Streamed, exported, given, show, users as asked};
use proto::lyceum::users::v1 as pb;
use rpc::Invalid;

use super::{Door, by, me, show};
use crate::{
    domain::{Refusal, consent::Document, id::UserId, profile::ProfilePatch, user},
    error::{Error, Result},
    flows::{
        self, block_user::BlockUser, change_password::ChangePassword, change_profile::ChangeProfile,
        change_roles::ChangeRoles, erase_user::EraseUser, give_consent::GiveConsent,
    },
    store::{audit, consents, sessions, users},
};

/// Rows that an export reads at a time: its memory does not grow with the school.
const EXPORTED_AT_ONCE: i64 = 500;

impl Door {
    async fn account(&self, user: UserId) -> Result<pb::User> {
        let found = users::find(&mut *self.connection().await?, user).await?.ok_or(Refusal::UserNotFound)?;
        Ok(show::account(found, self.0.today()))
    }

    fn shown(&self, user: user::User) -> pb::User {
        show::user(&user, self.0.today())
    }
}

impl asked::UserService for Door {
    async fn get_me(&self, call: Call) -> Result<pb::User> {
        self.account(call.person()?).await
    }

    async fn update_me(&self, call: Call, ask: asked::UpdateMe<Self>) -> Result<pb::User> {
        let asked::UserPatch { display_name, language, time_zone } = ask.user;
        let command = ChangeProfile { change: ProfilePatch { display_name, language, time_zone }, etag: ask.etag };
        Ok(self.shown(flows::change_profile::run(&self.0, &by(&call), me(&call)?, command).await?))
    }

    async fn change_password(&self, call: Call, ask: asked::ChangePassword<Self>) -> Result<()> {
        let command = ChangePassword { current: ask.current_password.into(), new: ask.new_password };
        flows::change_password::run(&self.0, &by(&call), me(&call)?, command).await
    }

    async fn list_my_sessions(&self, call: Call, ask: asked::ListMySessions) -> Result<Page<pb::Session>> {
        let (me, after, now, policy) = (me(&call)?, ask.page.after()?, self.0.clock.now(), &self.0.sessions);
        let mut conn = self.connection().await?;
        let rows = sessions::open_of_user(&mut conn, me.user, now - policy.idle, now, after, ask.page.limit()).await?;
        let page = ask.page.cut(rows, |session| session.id);
        Ok(page.map(|session| {
            let current = session.id == me.session;
            show::session(session, policy, current)
        }))
    }

    async fn revoke_my_session(&self, call: Call, ask: asked::RevokeMySession) -> Result<()> {
        flows::revoke_session::run(&self.0, &by(&call), me(&call)?, ask.session_id).await
    }

    async fn list_my_consents(&self, call: Call, ask: asked::ListMyConsents) -> Result<Page<pb::Consent>> {
        let (me, after) = (call.person()?, ask.page.after()?);
        let rows = consents::of_user(&mut *self.connection().await?, me, after, ask.page.limit()).await?;
        Ok(show(ask.page.cut(rows, |consent| consent.id)))
    }

    async fn give_consent(&self, call: Call, ask: asked::GiveConsent<Self>) -> Result<pb::Consent> {
        let (by, me) = (by(&call), me(&call)?);
        let document = Document { name: ask.document, version: ask.version };
        let command = GiveConsent { document, idempotent: call.key };
        Ok(show(flows::give_consent::run(&self.0, &by, me, command).await?))
    }

    async fn withdraw_consent(&self, call: Call, ask: asked::WithdrawConsent) -> Result<pb::Consent> {
        Ok(show(flows::withdraw_consent::run(&self.0, &by(&call), me(&call)?, ask.consent_id).await?))
    }

    async fn get_user(&self, _: Call, ask: asked::GetUser) -> Result<pb::User> {
        self.account(ask.user_id).await
    }

    async fn list_users(&self, _: Call, ask: asked::ListUsers<Self>) -> Result<Page<pb::User>> {
        let (query, opened) = (given(ask.query.into_string()), (ask.created_from, ask.created_before));
        let filter = users::Filter { query, role: ask.role, state: ask.state, opened };
        let after = ask.page.after()?;
        let rows = users::list(&mut *self.connection().await?, &filter, after, ask.page.limit()).await?;
        let today = self.0.today();
        Ok(ask.page.cut(rows, user::Account::id).map(|account| show::account(account, today)))
    }

    async fn update_user_roles(&self, call: Call, ask: asked::UpdateUserRoles<Self>) -> Result<pb::User> {
        let command = ChangeRoles { user: ask.user_id, roles: ask.roles.into_iter().collect(), etag: ask.etag };
        Ok(self.shown(flows::change_roles::run(&self.0, &by(&call), me(&call)?, command).await?))
    }

    async fn block_user(&self, call: Call, ask: asked::BlockUser) -> Result<pb::User> {
        let command = BlockUser { user: ask.user_id, reason: ask.reason.into_string() };
        Ok(self.shown(flows::block_user::run(&self.0, &by(&call), me(&call)?, command).await?))
    }

    async fn unblock_user(&self, call: Call, ask: asked::UnblockUser) -> Result<pb::User> {
        Ok(self.shown(flows::unblock_user::run(&self.0, &by(&call), me(&call)?, ask.user_id).await?))
    }

    async fn erase_user(&self, call: Call, ask: asked::EraseUser<Self>) -> Result<()> {
        let me = me(&call)?;
        if ask.user_id == me.user && ask.password.is_none() {
            return Err(Invalid::field("password", "is required to erase your own account").into());
        }
        let command = EraseUser { user: ask.user_id, password: ask.password.map(Into::into) };
        flows::erase_user::run(&self.0, &by(&call), me, command).await
    }

    async fn list_audit_entries(&self, _: Call, ask: asked::ListAuditEntries) -> Result<Page<pb::AuditEntry>> {
        let (actor, action) = (given(ask.actor.into_string()), given(ask.action.into_string()));
        let occurred = (ask.occurred_from, ask.occurred_before);
        let filter = audit::Filter { target: ask.target_user_id, actor, action, occurred };
        let after = ask.page.after()?;
        let rows = audit::list(&mut *self.connection().await?, &filter, after, ask.page.limit()).await?;
        Ok(show(ask.page.cut(rows, |entry| entry.id)))
    }

    async fn export_profiles(
        &self,
        _: Call,
        ask: asked::ExportProfiles,
    ) -> Result<Streamed<pb::ExportedProfile, Error>> {
        let start = ask.after_user_id;
        Ok(exported(&self.0, user::Account::id, move |app, last| async move {
            Ok(users::export(&mut *app.db.acquire().await?, last.or(start), EXPORTED_AT_ONCE).await?)
        }))
    }
}
