//! Sessions that have ended before their tokens have: a sorted set that whoever checks tokens reads as a whole.

use std::collections::HashSet;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Cache, Down};

/// Sorted by when the last token of a session expires, in unix seconds; from then on nobody needs to remember it.
const REVOKED: &str = "revoked-sessions";

impl Cache {
    /// Remembers until `until` that a session is revoked.
    pub async fn revoke(&self, session: Uuid, until: OffsetDateTime) -> Result<(), Down> {
        let key = self.key(&[REVOKED]);
        let member = session.hyphenated().to_string();
        let revoked = self.link.run("revoke", async |mut redis| {
            // `GT`: a later end is never taken back by an earlier one.
            let mut add = redis::cmd("ZADD");
            add.arg(&key).arg("GT").arg(until.unix_timestamp()).arg(&member).query_async::<()>(&mut redis).await
        });
        revoked.await
    }

    /// The sessions whose revocation still matters at `now`. While Redis is down, go on with the last answer.
    pub async fn revoked(&self, now: OffsetDateTime) -> Result<HashSet<Uuid>, Down> {
        let key = self.key(&[REVOKED]);
        let now = now.unix_timestamp();
        let read = self.link.run("revoked", async |mut redis| {
            let mut both = redis::pipe();
            both.cmd("ZREMRANGEBYSCORE").arg(&key).arg("-inf").arg(format!("({now}")).ignore();
            both.cmd("ZRANGE").arg(&key).arg(0).arg(-1);
            both.query_async::<(Vec<String>,)>(&mut redis).await
        });
        let (members,) = read.await?;
        Ok(members.iter().filter_map(|member| Uuid::try_parse(member).ok()).collect())
    }
}
