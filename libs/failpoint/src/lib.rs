//! Named points in the code at which a chaos test kills the process, as a power cut would: no destructor, no answer,
//! no farewell.
//!
//! `failpoint!("settle.committed")` is nothing in an optimised build. In a debug build it looks into the folder that
//! `FAILPOINTS` names, if it is set: a file `<name>.armed` there is taken away by the first process that comes by,
//! which then dies. Which points were passed at all is left there as `<name>.visited`, so that a point that no test
//! reaches can be found.

/// Marks a point at which this process may be killed by a test. A name is `<flow>.<what has just happened>`.
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(debug_assertions)]
        $crate::pass($name);
    };
}

#[cfg(debug_assertions)]
pub use armed::pass;

#[cfg(debug_assertions)]
mod armed {
    use std::{
        collections::BTreeSet,
        fs,
        path::PathBuf,
        sync::{LazyLock, Mutex, PoisonError},
    };

    static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::var_os("FAILPOINTS").map(PathBuf::from));
    static VISITED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

    /// Comes by a point: leaves a mark, and dies there if the point is armed.
    pub fn pass(name: &'static str) {
        let Some(folder) = FOLDER.as_ref() else { return };
        if VISITED.lock().unwrap_or_else(PoisonError::into_inner).insert(name) {
            // A mark that cannot be left shows as a point that nobody visited.
            let _ = fs::write(folder.join(format!("{name}.visited")), "");
        }
        // Whoever takes the file away is the one that dies: one death an arming, whatever the number of processes.
        if fs::rename(folder.join(format!("{name}.armed")), folder.join(format!("{name}.fired"))).is_ok() {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}
