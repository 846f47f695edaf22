//! PreferenceService at the door.

use proto::{
    lyceum::notifications::v1::{
        Channel as ChannelPb, Digest, GetMyNotificationPreferencesRequest, GetUnsubscribeLinkRequest,
        NotificationPreferences, PreferenceRule, QuietHours as QuietHoursPb, UnsubscribeLink, UnsubscribeRequest,
        UpdateMyNotificationPreferencesRequest, digest::Every as EveryPb, preference_rule::Timing as TimingPb,
        preference_service_server::PreferenceService,
    },
    wkt::FieldMask,
};
use rpc::{Fields, Violation};
use tonic::{Request, Response, Status};

use super::{
    Door, me,
    message::{kind, kind_of},
};
use crate::{
    domain::{
        delivery::masked,
        hours::{DigestTimes, Every, QuietHours, TimeOfDay},
        preference::{BadRule, Change, Channel, Preferences, Rule, Timing},
    },
    error::Error,
    flows::{self, Link},
    store,
};

const CHANGEABLE: [&str; 3] = ["rules", "quiet_hours", "digest"];

/// More rules than there are pairs of kinds and channels make no sense.
const RULES_AT_MOST: usize = 100;

#[tonic::async_trait]
impl PreferenceService for Door {
    async fn get_my_notification_preferences(
        &self,
        request: Request<GetMyNotificationPreferencesRequest>,
    ) -> Result<Response<NotificationPreferences>, Status> {
        let me = me(&request)?;
        let mut conn = self.connection().await?;
        Ok(Response::new(preferences(&store::preferences::of(&mut conn, me).await?)))
    }

    async fn update_my_notification_preferences(
        &self,
        request: Request<UpdateMyNotificationPreferencesRequest>,
    ) -> Result<Response<NotificationPreferences>, Status> {
        let me = me(&request)?;
        let m = request.into_inner();
        let change = change(m.preferences, m.update_mask)?;
        Ok(Response::new(preferences(&flows::change_preferences(&self.0, me, &change).await?)))
    }

    async fn get_unsubscribe_link(
        &self,
        request: Request<GetUnsubscribeLinkRequest>,
    ) -> Result<Response<UnsubscribeLink>, Status> {
        let link = flows::show_link(&self.0, &request.into_inner().token).await?;
        Ok(Response::new(self.link(&link)))
    }

    async fn unsubscribe(&self, request: Request<UnsubscribeRequest>) -> Result<Response<UnsubscribeLink>, Status> {
        let link = flows::unsubscribe(&self.0, &request.into_inner().token).await?;
        Ok(Response::new(self.link(&link)))
    }
}

impl Door {
    fn link(&self, link: &Link) -> UnsubscribeLink {
        UnsubscribeLink {
            kind: kind(link.kind).into(),
            masked_address: masked(&link.person.email),
            unsubscribed: link.unsubscribed,
            language: link.person.language.to_string(),
            school: self.0.renderer.school().to_owned(),
        }
    }
}

/// Reads what is to change, and names every mistake at once. Where the only mistake is to want what is always told otherwise, the
/// refusal says so by its reason.
fn change(sent: Option<NotificationPreferences>, mask: Option<FieldMask>) -> Result<Change, Status> {
    let mut fields = Fields::new();
    let named = mask.map(|mask| mask.paths).filter(|paths| !paths.is_empty());
    for unknown in named.iter().flatten().filter(|path| !CHANGEABLE.contains(&path.as_str())) {
        fields.refuse("update_mask", format!("{unknown} cannot be changed; expected {}", CHANGEABLE.join(", ")));
    }
    let sent = fields.required("preferences", sent).unwrap_or_default();
    let changes = |field: &str, there: bool| match &named {
        Some(paths) => paths.iter().any(|path| path == field),
        None => there,
    };
    let mut change = Change::default();
    let mut always_told = Vec::new();
    if changes("rules", !sent.rules.is_empty()) {
        change.rules = rules(&mut fields, &sent.rules, &mut always_told);
    }
    if changes("quiet_hours", sent.quiet_hours.is_some()) {
        change.quiet = Some(sent.quiet_hours.and_then(|hours| quiet_hours(&mut fields, &hours)));
    }
    if changes("digest", sent.digest.is_some()) {
        change.digest = digest(&mut fields, &sent.digest.unwrap_or_default());
    }
    let only_that = fields.check();
    match (only_that, always_told.is_empty()) {
        (Ok(()), true) => Ok(change),
        (Ok(()), false) => Err(Error::AlwaysTold(always_told).into()),
        (Err(invalid), true) => Err(invalid.into()),
        (Err(invalid), false) => {
            let mut fields = Fields::new();
            let others = rpc::Refusal::violations(&invalid);
            always_told.into_iter().chain(others).for_each(|wrong| fields.refuse(wrong.field, wrong.message));
            fields.check()?;
            Ok(change)
        }
    }
}

fn rules(fields: &mut Fields, sent: &[PreferenceRule], always_told: &mut Vec<Violation>) -> Vec<Rule> {
    if sent.len() > RULES_AT_MOST {
        fields.refuse("preferences.rules", format!("expected {RULES_AT_MOST} at most"));
        return Vec::new();
    }
    let mut read: Vec<Rule> = Vec::new();
    for (index, rule) in sent.iter().enumerate() {
        let path = |field: &str| format!("preferences.rules[{index}].{field}");
        let kind = fields.take(&path("kind"), kind_of(rule.kind).ok_or("expected a kind"));
        let channel = fields.take(&path("channel"), channel(rule.channel()).ok_or("expected a channel"));
        let timing = fields.take(&path("timing"), timing(rule.timing()).ok_or("expected when it is told"));
        let (Some(kind), Some(channel), Some(timing)) = (kind, channel, timing) else { continue };
        if read.iter().any(|rule| rule.kind == kind && rule.channel == channel) {
            fields.refuse(path("kind"), "has a rule for this channel already");
            continue;
        }
        match Rule::new(kind, channel, timing) {
            Ok(rule) => read.push(rule),
            Err(BadRule::AlwaysTold) => {
                always_told.push(Violation::of(path("timing"), &BadRule::AlwaysTold));
            }
            Err(BadRule::Digest) => fields.refuse(path("kind"), BadRule::Digest.to_string()),
            Err(BadRule::DigestOfFeed) => fields.refuse(path("timing"), BadRule::DigestOfFeed.to_string()),
        }
    }
    read
}

fn quiet_hours(fields: &mut Fields, sent: &QuietHoursPb) -> Option<QuietHours> {
    let from = fields.take("preferences.quiet_hours.from", TimeOfDay::parse(&sent.from));
    let to = fields.take("preferences.quiet_hours.to", TimeOfDay::parse(&sent.to));
    fields.take("preferences.quiet_hours.to", QuietHours::new(from?, to?))
}

fn digest(fields: &mut Fields, sent: &Digest) -> Option<DigestTimes> {
    let every = match EveryPb::try_from(sent.every) {
        Ok(EveryPb::Unspecified | EveryPb::Day) => Some(Every::Day),
        Ok(EveryPb::Week) => Some(Every::Week),
        Err(_) => fields.take("preferences.digest.every", Err("expected how often")),
    };
    let at = if sent.at.is_empty() { Ok(TimeOfDay::NINE) } else { TimeOfDay::parse(&sent.at) };
    let at = fields.take("preferences.digest.at", at);
    Some(DigestTimes { every: every?, at: at? })
}

fn channel(channel: ChannelPb) -> Option<Channel> {
    match channel {
        ChannelPb::Email => Some(Channel::Email),
        ChannelPb::Feed => Some(Channel::Feed),
        ChannelPb::Unspecified => None,
    }
}

fn timing(timing: TimingPb) -> Option<Timing> {
    match timing {
        TimingPb::AtOnce => Some(Timing::AtOnce),
        TimingPb::Digest => Some(Timing::Digest),
        TimingPb::Never => Some(Timing::Never),
        TimingPb::Unspecified => None,
    }
}

fn preferences(preferences: &Preferences) -> NotificationPreferences {
    let every = match preferences.digest.every {
        Every::Day => EveryPb::Day,
        Every::Week => EveryPb::Week,
    };
    let hours = |quiet: QuietHours| QuietHoursPb { from: quiet.from().to_string(), to: quiet.to().to_string() };
    NotificationPreferences {
        rules: preferences.rules().into_iter().map(rule).collect(),
        quiet_hours: preferences.quiet.map(hours),
        digest: Some(Digest { every: every.into(), at: preferences.digest.at.to_string() }),
    }
}

fn rule(rule: Rule) -> PreferenceRule {
    let channel = match rule.channel {
        Channel::Email => ChannelPb::Email,
        Channel::Feed => ChannelPb::Feed,
    };
    let timing = match rule.timing {
        Timing::AtOnce => TimingPb::AtOnce,
        Timing::Digest => TimingPb::Digest,
        Timing::Never => TimingPb::Never,
    };
    PreferenceRule { kind: kind(rule.kind).into(), channel: channel.into(), timing: timing.into() }
}
