//! Which build this process is: asked for by `--version`, shown by /metrics, written on the image.

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
