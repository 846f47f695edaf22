//! Which build this process is: asked for by `--version`, shown by /metrics, said in every log line and trace, written
//! on the image.

use std::{fmt, sync::OnceLock};

static BUILD: OnceLock<Build> = OnceLock::new();

/// The build of this process, once its [`main`](crate::main) has begun; before, as in tests, an unknown one.
pub fn build() -> Build {
    BUILD.get().copied().unwrap_or(Build { version: env!("CARGO_PKG_VERSION"), revision: Build::UNKNOWN })
}

/// Notes which build this process is.
pub(crate) fn note(build: Build) {
    // There is one `main` a process.
    let _ = BUILD.set(build);
}

/// A version and the revision of the sources that it was built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    pub version: &'static str,
    /// What `LYCEUM_REVISION` held while the program was compiled; `unknown` on a developer's machine.
    pub revision: &'static str,
}

impl Build {
    /// What a build that was not told its revision shows.
    pub const UNKNOWN: &'static str = "unknown";
}

/// `0.3.0+2f1c9ab`, as semantic versions write a build; without a revision that is known, the version alone.
impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version)?;
        if self.revision == Self::UNKNOWN { Ok(()) } else { write!(f, "+{}", self.revision) }
    }
}

/// The [`Build`] of the crate that calls this, for its `main`. Read there and not here, so that a new revision
/// compiles seven short files anew and not everything that stands on the chassis.
#[macro_export]
macro_rules! build {
    () => {
        $crate::Build {
            version: env!("CARGO_PKG_VERSION"),
            revision: match option_env!("LYCEUM_REVISION") {
                Some(revision) => revision,
                None => $crate::Build::UNKNOWN,
            },
        }
    };
}
