//! UserService at the door.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use pg::Idempotent;
use proto::{
    lyceum::users::v1::{
        BlockUserRequest, ChangePasswordRequest, Consent, EraseUserRequest, ExportProfilesRequest, ExportedProfile,
        GetMeRequest, GetUserRequest, GiveConsentRequest, ListAuditEntriesRequest, ListAuditEntriesResponse,
        ListMyConsentsRequest, ListMyConsentsResponse, ListMySessionsRequest, ListMySessionsResponse, ListUsersRequest,
        ListUsersResponse, RevokeMySessionRequest, UnblockUserRequest, UpdateMeRequest, UpdateUserRolesRequest, User,
        WithdrawConsentRequest, user_service_server::UserService,
    },
    wkt::FieldMask,
};
use rpc::{Fields, Invalid};
use sqlx::{Postgres, pool::PoolConnection};
use tonic::{Request, Response, Status};
use values::{Language, Text, TimeZone};

use super::{
    auth_service::{document, typed_password},
    by, me, message,
    page::Asked,
};
use crate::{
    app::App,
    domain::{
        id::{ConsentId, SessionId, UserId},
        password::NewPassword,
        profile::{DisplayName, ProfileChange},
        role::Roles,
        user::Account,
    },
    error::Error,
    flows::{self, BlockUser, ChangePassword, ChangeProfile, ChangeRoles, EraseUser, GiveConsent},
    store,
};

/// Rows that an export reads at a time: its memory does not grow with the school.
const EXPORTED_AT_ONCE: i64 = 500;

pub(super) struct Door(pub(super) Arc<App>);

impl Door {
    async fn connection(&self) -> Result<PoolConnection<Postgres>, Error> {
        Ok(self.0.db.acquire().await?)
    }

    async fn account(&self, user: UserId) -> Result<Account, Error> {
        let mut conn = self.connection().await?;
        store::users::find(&mut conn, user).await?.ok_or(Error::UserNotFound)
    }
}

#[tonic::async_trait]
impl UserService for Door {
    async fn get_me(&self, request: Request<GetMeRequest>) -> Result<Response<User>, Status> {
        let account = self.account(me(&request)?.user).await?;
        Ok(Response::new(message::account(account, self.0.today())))
    }

    async fn update_me(&self, request: Request<UpdateMeRequest>) -> Result<Response<User>, Status> {
        let (by, me) = (by(&request), me(&request)?);
        let m = request.into_inner();
        let change = profile_change(m.user.unwrap_or_default(), m.update_mask)?;
        let user = flows::change_profile(&self.0, &by, me, ChangeProfile { change, etag: m.etag }).await?;
        Ok(Response::new(message::user(user, self.0.today())))
    }

    async fn change_password(&self, request: Request<ChangePasswordRequest>) -> Result<Response<()>, Status> {
        let (by, me) = (by(&request), me(&request)?);
        let m = request.into_inner();
        let mut fields = Fields::new();
        let current = fields.take("current_password", typed_password(m.current_password));
        let new = fields.take("new_password", NewPassword::parse(&m.new_password));
        let (current, new) = fields.finish((current, new))?;
        flows::change_password(&self.0, &by, me, ChangePassword { current, new }).await?;
        Ok(Response::new(()))
    }

    async fn list_my_sessions(
        &self,
        request: Request<ListMySessionsRequest>,
    ) -> Result<Response<ListMySessionsResponse>, Status> {
        let me = me(&request)?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let asked = Asked::read(&mut fields, m.page_size, &m.page_token, format!("sessions of {}", me.user));
        let (asked,) = fields.finish((asked,))?;
        let now = self.0.clock.now();
        let policy = &self.0.sessions;
        let mut conn = self.connection().await?;
        let used_since = now - policy.idle;
        let rows =
            store::sessions::open_of_user(&mut conn, me.user, used_since, now, asked.after(), asked.size.fetch()).await;
        let (sessions, next_page_token) = asked.cut(rows.map_err(Error::from)?, |session| session.id);
        let sessions = sessions.into_iter().map(|session| {
            let current = session.id == me.session;
            message::session(session, policy, current)
        });
        Ok(Response::new(ListMySessionsResponse { sessions: sessions.collect(), next_page_token }))
    }

    async fn revoke_my_session(&self, request: Request<RevokeMySessionRequest>) -> Result<Response<()>, Status> {
        let (by, me) = (by(&request), me(&request)?);
        // What is no id is the id of no session of theirs.
        let session: SessionId = request.into_inner().session_id.parse().map_err(|_| Error::SessionNotFound)?;
        flows::revoke_session(&self.0, &by, me, session).await?;
        Ok(Response::new(()))
    }

    async fn list_my_consents(
        &self,
        request: Request<ListMyConsentsRequest>,
    ) -> Result<Response<ListMyConsentsResponse>, Status> {
        let me = me(&request)?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let asked = Asked::read(&mut fields, m.page_size, &m.page_token, format!("consents of {}", me.user));
        let (asked,) = fields.finish((asked,))?;
        let mut conn = self.connection().await?;
        let rows = store::consents::of_user(&mut conn, me.user, asked.after(), asked.size.fetch()).await;
        let (consents, next_page_token) = asked.cut(rows.map_err(Error::from)?, |consent| consent.id);
        let consents = consents.into_iter().map(message::consent).collect();
        Ok(Response::new(ListMyConsentsResponse { consents, next_page_token }))
    }

    async fn give_consent(&self, request: Request<GiveConsentRequest>) -> Result<Response<Consent>, Status> {
        let (by, me) = (by(&request), me(&request)?);
        let idempotent = rpc::idempotency_key(&request)?
            .map(|key| Idempotent::of(&by.actor, "UserService/GiveConsent", key, request.get_ref()));
        let m = request.into_inner();
        let mut fields = Fields::new();
        let document = document(&mut fields, "", &m.document, &m.version);
        let (document,) = fields.finish((document,))?;
        let consent = flows::give_consent(&self.0, &by, me, GiveConsent { document, idempotent }).await?;
        Ok(Response::new(message::consent(consent)))
    }

    async fn withdraw_consent(&self, request: Request<WithdrawConsentRequest>) -> Result<Response<Consent>, Status> {
        let (by, me) = (by(&request), me(&request)?);
        let consent: ConsentId = request.into_inner().consent_id.parse().map_err(|_| Error::ConsentNotFound)?;
        let consent = flows::withdraw_consent(&self.0, &by, me, consent).await?;
        Ok(Response::new(message::consent(consent)))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<User>, Status> {
        let account = self.account(user_id(&request.into_inner().user_id)?).await?;
        Ok(Response::new(message::account(account, self.0.today())))
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let query = fields.take("query", Text::<0, 100>::parse(&m.query));
        let role = fields.take_if("role", (m.role != 0).then(|| message::role(m.role)));
        let state = fields.take("state", message::state_filter(m.state));
        let scope = format!("users {} {} {:?}", m.role, m.state, m.query);
        let asked = Asked::read(&mut fields, m.page_size, &m.page_token, scope);
        let (query, role, state, asked) = fields.finish((query, role, state, asked))?;
        let query = Some(query.into_string()).filter(|query| !query.is_empty());
        let filter = store::users::Filter { query, role, state };
        let mut conn = self.connection().await?;
        let rows = store::users::list(&mut conn, &filter, asked.after(), asked.size.fetch()).await;
        let (users, next_page_token) = asked.cut(rows.map_err(Error::from)?, Account::id);
        let today = self.0.today();
        let users = users.into_iter().map(|account| message::account(account, today)).collect();
        Ok(Response::new(ListUsersResponse { users, next_page_token }))
    }

    async fn update_user_roles(&self, request: Request<UpdateUserRolesRequest>) -> Result<Response<User>, Status> {
        let (by, me) = (by(&request), me(&request)?);
        let m = request.into_inner();
        let user = user_id(&m.user_id)?;
        let mut fields = Fields::new();
        let read = m.roles.iter().enumerate();
        let roles: Vec<_> =
            read.map(|(index, role)| fields.take(&format!("roles[{index}]"), message::role(*role))).collect();
        if roles.is_empty() {
            fields.refuse("roles", "expected at least one role");
        }
        let (roles,) = fields.finish((roles.into_iter().collect::<Option<Roles>>(),))?;
        let user = flows::change_roles(&self.0, &by, me, ChangeRoles { user, roles, etag: m.etag }).await?;
        Ok(Response::new(message::user(user, self.0.today())))
    }

    async fn block_user(&self, request: Request<BlockUserRequest>) -> Result<Response<User>, Status> {
        let (by, me) = (by(&request), me(&request)?);
        let m = request.into_inner();
        let user = user_id(&m.user_id)?;
        let mut fields = Fields::new();
        let reason = fields.take("reason", Text::<1, 500>::parse(&m.reason));
        let (reason,) = fields.finish((reason,))?;
        let command = BlockUser { user, reason: reason.into_string() };
        let user = flows::block_user(&self.0, &by, me, command).await?;
        Ok(Response::new(message::user(user, self.0.today())))
    }

    async fn unblock_user(&self, request: Request<UnblockUserRequest>) -> Result<Response<User>, Status> {
        let (by, me) = (by(&request), me(&request)?);
        let user = flows::unblock_user(&self.0, &by, me, user_id(&request.into_inner().user_id)?).await?;
        Ok(Response::new(message::user(user, self.0.today())))
    }

    async fn erase_user(&self, request: Request<EraseUserRequest>) -> Result<Response<()>, Status> {
        let (by, me) = (by(&request), me(&request)?);
        let m = request.into_inner();
        let user = user_id(&m.user_id)?;
        let mut fields = Fields::new();
        let given = !m.password.is_empty();
        if user == me.user && !given {
            fields.refuse("password", "is required to erase your own account");
        }
        let password = fields.take_if("password", given.then(|| typed_password(m.password)));
        let (password,) = fields.finish((password,))?;
        flows::erase_user(&self.0, &by, me, EraseUser { user, password }).await?;
        Ok(Response::new(()))
    }

    async fn list_audit_entries(
        &self,
        request: Request<ListAuditEntriesRequest>,
    ) -> Result<Response<ListAuditEntriesResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let word = |text: Text<0, 100>| given(text.into_string());
        let scope = format!("audit {:?} {:?} {:?}", m.target_user_id, m.actor, m.action);
        let target = given(m.target_user_id).map(|id| id.parse::<UserId>());
        let target = fields.take_if("target_user_id", target);
        let actor = fields.take("actor", Text::parse(&m.actor));
        let action = fields.take("action", Text::parse(&m.action));
        let asked = Asked::read(&mut fields, m.page_size, &m.page_token, scope);
        let (target, actor, action, asked) = fields.finish((target, actor, action, asked))?;
        let filter = store::audit::Filter { target, actor: word(actor), action: word(action) };
        let mut conn = self.connection().await?;
        let rows = store::audit::list(&mut conn, &filter, asked.after(), asked.size.fetch()).await;
        let (entries, next_page_token) = asked.cut(rows.map_err(Error::from)?, |entry| entry.id);
        let audit_entries = entries.into_iter().map(message::audit_entry).collect();
        Ok(Response::new(ListAuditEntriesResponse { audit_entries, next_page_token }))
    }

    type ExportProfilesStream = BoxStream<'static, Result<ExportedProfile, Status>>;

    async fn export_profiles(
        &self,
        request: Request<ExportProfilesRequest>,
    ) -> Result<Response<Self::ExportProfilesStream>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let after = (!m.after_user_id.is_empty()).then(|| m.after_user_id.parse::<UserId>());
        let after = fields.take_if("after_user_id", after);
        let (after,) = fields.finish((after,))?;
        Ok(Response::new(export(Arc::clone(&self.0), after)))
    }
}

/// Reads batch after batch; no transaction is held open while the receiver is slow.
fn export(app: Arc<App>, after: Option<UserId>) -> BoxStream<'static, Result<ExportedProfile, Status>> {
    let batches = stream::try_unfold((app, Some(after)), |(app, from)| async move {
        let Some(after) = from else { return Ok(None) };
        let mut conn = app.db.acquire().await?;
        let accounts = store::users::export(&mut conn, after, EXPORTED_AT_ONCE).await?;
        drop(conn);
        let last = accounts.last().map(Account::id);
        let profiles = stream::iter(accounts.into_iter().map(|account| Ok(message::exported(account))));
        Ok::<_, Error>(Some((profiles, (app, last.map(Some)))))
    });
    batches.map_err(Status::from).try_flatten().boxed()
}

fn user_id(text: &str) -> Result<UserId, Error> {
    // What is no id is nobody's.
    text.parse().map_err(|_| Error::UserNotFound)
}

/// Which fields of the profile change: those that the mask names, or without one those that are not empty.
fn profile_change(user: User, mask: Option<FieldMask>) -> Result<ProfileChange, Invalid> {
    let mut fields = Fields::new();
    let named = mask.map(|mask| mask.paths).filter(|paths| !paths.is_empty());
    for unknown in named.iter().flatten().filter(|path| !CHANGEABLE.contains(&path.as_str())) {
        fields.refuse("update_mask", format!("{unknown} cannot be changed; expected {}", CHANGEABLE.join(", ")));
    }
    let changes = |field: &str, value: &str| match &named {
        Some(paths) => paths.iter().any(|path| path == field),
        None => !value.is_empty(),
    };
    let display_name = changes("display_name", &user.display_name).then(|| DisplayName::parse(&user.display_name));
    let language = changes("language", &user.language).then(|| user.language.parse::<Language>());
    let time_zone = changes("time_zone", &user.time_zone).then(|| TimeZone::parse(&user.time_zone));
    let display_name = fields.take_if("user.display_name", display_name);
    let language = fields.take_if("user.language", language);
    let time_zone = fields.take_if("user.time_zone", time_zone);
    let (display_name, language, time_zone) = fields.finish((display_name, language, time_zone))?;
    Ok(ProfileChange { display_name, language, time_zone })
}

const CHANGEABLE: [&str; 3] = ["display_name", "language", "time_zone"];
