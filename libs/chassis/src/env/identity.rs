//! Certificates, as files that variables name.

use std::{path::PathBuf, sync::Arc};

use tls::{Authority, File, Files, Identity};
use values::{SharedClock, SystemClock};

use super::Env;

impl Env {
    /// An identity whose certificate, key and authority are in the files that three variables name; `name` is what
    /// metrics and logs call it. Certificate and key belong together; each file may be left out otherwise.
    pub fn identity(&mut self, name: &'static str, variables: [&'static str; 3]) -> Option<Identity> {
        let [certificate, key, authority] = variables.map(|variable| self.optional::<PathBuf>(variable));
        let certificate = match (certificate?, key?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => {
                self.refuse(variables[1], format!("is not set, expected the key of {}", variables[0]));
                return None;
            }
            (None, Some(_)) => {
                self.refuse(variables[0], format!("is not set, expected the certificate of {}", variables[1]));
                return None;
            }
        };
        let files = Files { certificate, authority: authority? };
        Identity::load(name, files, Arc::new(SystemClock))
            .map_err(|unusable| {
                let variable = match unusable.file {
                    File::Certificate => variables[0],
                    File::Key => variables[1],
                    File::Authority => variables[2],
                };
                self.refuse(variable, unusable.to_string());
            })
            .ok()
    }

    /// The file of an authority that vouches for something outside the fleet, such as a database; it may be left out.
    pub fn authority(&mut self, name: &'static str) -> Option<Option<Authority>> {
        let Some(path) = self.optional::<PathBuf>(name)? else { return Some(None) };
        let clock: SharedClock = Arc::new(SystemClock);
        match Authority::load(path, &clock) {
            Ok(authority) => Some(Some(authority)),
            Err(unusable) => {
                self.refuse(name, unusable.to_string());
                None
            }
        }
    }
}
