//! PreferenceService at the door.

use contract::{Call, message, notifications as asked, show};
use proto::lyceum::notifications::v1 as pb;
use rpc::{Fields, Violation};

use super::Door;
use crate::{
    domain::{
        delivery::masked,
        hours::{DigestTimes, Every, QuietHours, TimeOfDay},
        preference::{BadRule, Change, Rule},
    },
    error::{Refusal, Result},
    flows::{self, prefer::Link},
    store,
};

impl asked::PreferenceService for Door {
    async fn get_my_notification_preferences(&self, call: Call) -> Result<pb::NotificationPreferences> {
        let me = call.person()?;
        Ok(show(store::preferences::of(&mut *self.connection().await?, me).await?))
    }

    async fn update_my_notification_preferences(
        &self,
        call: Call,
        ask: asked::UpdateMyNotificationPreferences<Self>,
    ) -> Result<pb::NotificationPreferences> {
        Ok(show(flows::prefer::run(&self.0, call.person()?, &change(ask.preferences)?).await?))
    }

    async fn get_unsubscribe_link(&self, _: Call, ask: asked::GetUnsubscribeLink) -> Result<pb::UnsubscribeLink> {
        Ok(self.link(flows::prefer::show_link(&self.0, ask.token.as_str()).await?))
    }

    async fn unsubscribe(&self, _: Call, ask: asked::Unsubscribe) -> Result<pb::UnsubscribeLink> {
        Ok(self.link(flows::prefer::unsubscribe(&self.0, ask.token.as_str()).await?))
    }
}

impl Door {
    fn link(&self, link: Link) -> pb::UnsubscribeLink {
        message! { pb::UnsubscribeLink {
            kind: link.kind, masked_address: masked(&link.person.email), unsubscribed: link.unsubscribed,
            language: link.person.language, school: self.0.renderer.school(),
        } }
    }
}

/// What is to change. Where the only mistake is to want what is always told otherwise, the refusal says so by its name.
fn change(sent: asked::NotificationPreferencesPatch<Door>) -> Result<Change> {
    let mut fields = Fields::new();
    let mut always_told = Vec::new();
    let rules = rules(&mut fields, &mut always_told, sent.rules.unwrap_or_default());
    let quiet = sent.quiet_hours.map(|hours| {
        let hours = hours?;
        fields.take("preferences.quiet_hours.to", QuietHours::new(hours.from, hours.to))
    });
    let times = |digest: asked::DigestInput<Door>| DigestTimes {
        every: digest.every.unwrap_or(Every::Day),
        at: digest.at.unwrap_or(TimeOfDay::NINE),
    };
    let digest = sent.digest.map(|digest| digest.map(times).unwrap_or_default());
    if fields.is_empty() && !always_told.is_empty() {
        return Err(Refusal::AlwaysTold(always_told).into());
    }
    always_told.into_iter().for_each(|wrong| fields.note(wrong));
    fields.check()?;
    Ok(Change { rules, quiet, digest })
}

fn rules(
    fields: &mut Fields,
    always_told: &mut Vec<Violation>,
    sent: Vec<asked::PreferenceRuleInput<Door>>,
) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for (index, sent) in sent.into_iter().enumerate() {
        let path = |field: &str| format!("preferences.rules[{index}].{field}");
        if rules.iter().any(|rule| rule.kind == sent.kind && rule.channel == sent.channel) {
            fields.refuse(path("kind"), "has a rule for this channel already");
            continue;
        }
        match Rule::new(sent.kind, sent.channel, sent.timing) {
            Ok(rule) => rules.push(rule),
            Err(BadRule::AlwaysTold) => always_told.push(Violation::of(path("timing"), &BadRule::AlwaysTold)),
            Err(wrong @ BadRule::Digest) => fields.note(Violation::of(path("kind"), &wrong)),
            Err(wrong @ BadRule::DigestOfFeed) => fields.note(Violation::of(path("timing"), &wrong)),
        }
    }
    rules
}
