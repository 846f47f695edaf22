//! The demo school as it lies in `school/`: people, courses with their runs and products, promo codes.
//!
//! The files speak the API's own JSON and are read as its messages. Wherever `{"file": "…"}` stands for a text, that file holds it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use people::{Account, Key, Offer};
use proto::json::{self, Json, Unknown};
use proto::lyceum::courses::v1::DraftSection;
use proto::lyceum::payments::v1::PromoCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One password for everybody of the demo school, which listens on this machine only.
pub(crate) const PASSWORD: &str = "thimble-and-thread";

/// The courses, in the order in which they are made.
const COURSES: [&str; 3] = ["textiles", "skirt", "stylist"];

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/school");

/// Somebody who can sign in.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Member {
    /// In lower case, such as `manager`.
    pub(crate) role: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) language: String,
}

/// The whole school.
#[derive(Debug)]
pub(crate) struct DemoSchool {
    pub(crate) members: Vec<Member>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) promo_codes: Vec<PromoCode>,
}

impl DemoSchool {
    pub(crate) fn read() -> Result<Self> {
        let offers = COURSES.iter().map(|name| offer(name)).collect::<Result<_>>()?;
        let promo_codes: Vec<Value> = read("promo-codes")?;
        let promo_codes = promo_codes.iter().map(|code| message(code, "promo-codes")).collect::<Result<_>>()?;
        Ok(Self { members: read("people")?, offers, promo_codes })
    }

    /// Who can sign in, and how.
    pub(crate) fn accounts(&self) -> Vec<Account> {
        let account = |member: &Member| Account {
            role: member.role.clone(),
            email: member.email.clone(),
            password: PASSWORD.to_owned(),
        };
        self.members.iter().map(account).collect()
    }

    /// The right answers of every quiz.
    pub(crate) fn key(&self) -> Key {
        Key::of(self.offers.iter().flat_map(|offer| &offer.sections))
    }
}

fn offer(name: &str) -> Result<Offer> {
    let file: Value = read(name)?;
    let sections = file["sections"].as_array().with_context(|| format!("{name} has no sections"))?;
    let sections: Vec<DraftSection> = sections.iter().map(|section| message(section, name)).collect::<Result<_>>()?;
    let access = file.get("accessDuration").map(|access| message(access, name)).transpose()?;
    let (course, run) = (message(&file["course"], name)?, message(&file["run"], name)?);
    Ok(Offer { course, sections, run, product: message(&file["product"], name)?, access })
}

fn message<T: Json>(value: &Value, name: &str) -> Result<T> {
    match json::from_value(value, Unknown::Refused) {
        Ok(message) => Ok(message),
        Err(violations) => bail!("{name}.json is not what the API takes: {violations:?}"),
    }
}

fn read<T: DeserializeOwned>(name: &str) -> Result<T> {
    let path = format!("{name}.json");
    let mut value = serde_json::from_str(&text(&path)?).with_context(|| format!("{path} is not JSON"))?;
    fill_in(&mut value)?;
    serde_json::from_value(value).with_context(|| format!("{path} is not what the demo school expects"))
}

fn text(path: &str) -> Result<String> {
    let path = Path::new(FOLDER).join(path);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Replaces `{"file": "path"}` by what the file holds.
fn fill_in(value: &mut Value) -> Result<()> {
    match value {
        Value::Object(fields) => {
            if let (1, Some(path)) = (fields.len(), fields.get("file").and_then(Value::as_str)) {
                *value = Value::String(text(path)?);
                return Ok(());
            }
            fields.values_mut().try_for_each(fill_in)
        }
        Value::Array(items) => items.iter_mut().try_for_each(fill_in),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proto::lyceum::courses::v1::draft_lesson::Content;

    use super::*;

    #[test]
    fn the_school_has_a_person_of_each_role_and_three_courses_with_every_kind_of_lesson() {
        let school = DemoSchool::read().unwrap();
        for role in ["learner", "tutor", "curator", "manager", "support", "admin"] {
            assert!(school.members.iter().any(|member| member.role == role), "{role}");
        }
        let languages: Vec<&str> = school.offers.iter().map(|offer| offer.course.language.as_str()).collect();
        assert_eq!(languages, ["en", "ru", "ru"]);
        for offer in &school.offers {
            let lessons: Vec<_> = offer.sections.iter().flat_map(|section| &section.lessons).collect();
            let kind = |content: &Content| match content {
                Content::Text(text) => {
                    assert!(text.markdown.starts_with("# "), "{}", text.markdown);
                    0
                }
                Content::Video(_) => 1,
                Content::File(_) => 2,
                Content::Quiz(_) => 3,
            };
            let kinds: Vec<usize> = lessons.iter().map(|lesson| kind(lesson.content.as_ref().unwrap())).collect();
            assert!((0..4).all(|kind| kinds.contains(&kind)), "{kinds:?} in {}", offer.product.title);
            assert!(lessons.iter().any(|lesson| lesson.free_preview), "a free preview in {}", offer.product.title);
        }
        assert!(school.promo_codes.iter().any(|code| code.code == "START10"));
    }
}
