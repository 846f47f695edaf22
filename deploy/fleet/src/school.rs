//! The demo school as it lies in `school/`: people, courses with their runs and products, promo codes.
//!
//! The files speak the API's own JSON, so that most of it is sent as it is written. Wherever `{"file": "…"}` stands for a text,
//! that file holds it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::home::Home;

/// One password for everybody of the demo school, which listens on this machine only.
pub(crate) const PASSWORD: &str = "thimble-and-thread";

/// The courses, in the order in which they are made.
const COURSES: [&str; 3] = ["textiles", "skirt", "stylist"];

/// Somebody who can sign in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Person {
    /// In lower case, such as `manager`.
    pub(crate) role: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) language: String,
}

/// A course with what is made for it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Course {
    pub(crate) course: Value,
    pub(crate) sections: Value,
    pub(crate) run: Value,
    pub(crate) product: Product,
}

/// What sells the course's run.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Product {
    pub(crate) title: String,
    pub(crate) description: String,
    /// A duration such as `31536000s`; absent for ever.
    pub(crate) access_duration: Option<String>,
    /// `{minor, currency}`.
    pub(crate) price: Value,
}

/// The whole school.
#[derive(Clone, Debug)]
pub(crate) struct School {
    pub(crate) people: Vec<Person>,
    pub(crate) courses: Vec<Course>,
    /// Promo codes, as the API takes them.
    pub(crate) promo_codes: Vec<Value>,
    /// Changes when any of the files does.
    pub(crate) version: String,
}

impl School {
    pub(crate) fn read(home: &Home) -> Result<Self> {
        let mut reader = Reader { folder: home.root().join("deploy/fleet/school"), read: Vec::new() };
        let people = reader.json("people")?;
        let courses = COURSES.iter().map(|name| reader.json(name)).collect::<Result<_>>()?;
        let promo_codes = reader.json("promo-codes")?;
        let mut version = hex::encode(digest(&SHA256, &reader.read));
        version.truncate(12);
        Ok(Self { people, courses, promo_codes, version })
    }

    /// Who has this role.
    pub(crate) fn person(&self, role: &str) -> Result<&Person> {
        self.people.iter().find(|person| person.role == role).with_context(|| format!("the demo school has no {role}"))
    }
}

struct Reader {
    folder: PathBuf,
    /// Everything that was read, for the version.
    read: Vec<u8>,
}

impl Reader {
    fn json<T: DeserializeOwned>(&mut self, name: &str) -> Result<T> {
        let path = format!("{name}.json");
        let mut value = serde_json::from_str(&self.text(&path)?).with_context(|| format!("{path} is not JSON"))?;
        self.fill_in(&mut value)?;
        serde_json::from_value(value).with_context(|| format!("{path} is not what the demo school expects"))
    }

    fn text(&mut self, path: &str) -> Result<String> {
        let path = self.folder.join(Path::new(path));
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        self.read.extend_from_slice(text.as_bytes());
        Ok(text)
    }

    /// Replaces `{"file": "path"}` by what the file holds.
    fn fill_in(&mut self, value: &mut Value) -> Result<()> {
        match value {
            Value::Object(fields) => {
                if let (1, Some(path)) = (fields.len(), fields.get("file").and_then(Value::as_str)) {
                    *value = Value::String(self.text(path)?);
                    return Ok(());
                }
                fields.values_mut().try_for_each(|field| self.fill_in(field))
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.fill_in(item)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_school_has_a_person_of_each_role_and_three_courses_with_every_kind_of_lesson() {
        let school = School::read(&Home::find().unwrap()).unwrap();
        for role in ["learner", "tutor", "curator", "manager", "support", "admin"] {
            assert!(school.person(role).is_ok(), "{role}");
        }
        let languages: Vec<&str> =
            school.courses.iter().map(|course| course.course["language"].as_str().unwrap()).collect();
        assert_eq!(languages, ["en", "ru", "ru"]);
        for course in &school.courses {
            let lessons: Vec<&Value> =
                course.sections.as_array().unwrap().iter().flat_map(|s| s["lessons"].as_array().unwrap()).collect();
            for kind in ["text", "video", "file", "quiz"] {
                assert!(lessons.iter().any(|lesson| lesson.get(kind).is_some()), "{kind} in {}", course.product.title);
            }
            assert!(
                lessons.iter().any(|lesson| lesson["freePreview"] == true),
                "a free preview in {}",
                course.product.title
            );
            let texts = lessons.iter().filter_map(|lesson| lesson.get("text"));
            assert!(texts.into_iter().all(|text| text["markdown"].as_str().unwrap().starts_with("# ")));
        }
        assert!(school.promo_codes.iter().any(|code| code["code"] == "START10"));
    }
}
