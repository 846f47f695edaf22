//! Under which user the stores run, and where their data may lie for that.
//!
//! PostgreSQL refuses to run as root. Without root everything runs as the person, in `.fleet/stores`. With root the stores run
//! as an unprivileged user, who must be able to reach the data: a clone below /root is out of reach, so it goes elsewhere. So it
//! does where the clone's path is none that RabbitMQ's scripts can handle, such as one with a blank.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::home::Home;

/// Users that may run the stores, the first one found. Debian's PostgreSQL packages make `postgres`.
const CANDIDATES: [&str; 2] = ["postgres", "lyceum"];

/// An unprivileged user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// Who runs the stores: nobody else than the caller, unless that is root.
    pub(crate) fn for_stores() -> Result<Option<Self>> {
        if !is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").context("cannot read the list of users")?;
        CANDIDATES.iter().find_map(|name| Self::parse(&users, name)).map(Some).context(
            "root cannot run PostgreSQL, and there is no user `postgres` here: \
             run `adduser --system --group --no-create-home lyceum`",
        )
    }

    fn parse(users: &str, name: &str) -> Option<Self> {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next()?;
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            (found == name).then(|| Self { name: name.to_owned(), uid, gid })
        })
    }

    /// Gives a file or folder to the user.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("cannot give {} to {}", path.display(), self.name))
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The folder that holds the stores' data, made if it is missing.
pub(crate) fn data_folder(home: &Home, account: Option<&Account>) -> Result<PathBuf> {
    let link = home.path("stores");
    if link.is_dir() {
        return link.canonicalize().context("cannot reach the stores' data");
    }
    // A dangling link: its target was removed, so the state is gone and begins anew.
    if link.is_symlink() {
        fs::remove_file(&link)?;
    }
    let folder = if is_plain(home.dir()) && (account.is_none() || is_reachable(home.dir())?) {
        fs::create_dir_all(&link)?;
        link.canonicalize()?
    } else {
        let elsewhere = elsewhere(home)?;
        fs::create_dir_all(&elsewhere)?;
        symlink(&elsewhere, &link)?;
        println!("    not all stores can work in {}: their data lies in {}", home.dir().display(), elsewhere.display());
        elsewhere
    };
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    if let Some(account) = account {
        account.own(&folder)?;
    }
    Ok(folder)
}

/// Where the data lies if it cannot lie in the fleet's folder.
fn elsewhere(home: &Home) -> Result<PathBuf> {
    let name = format!("lyceum-{}", home.fingerprint());
    if is_root() {
        return Ok(Path::new("/var/lib").join(name));
    }
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    let state = state.filter(|state| is_plain(state)).context(
        "RabbitMQ can work neither here nor in the folder for data of programs: set XDG_STATE_HOME to one whose path has only \
         Latin letters, digits and -_.",
    )?;
    Ok(state.join(name))
}

/// Removes the data of a fleet whose stores do not run, wherever it lies.
pub(crate) fn remove_data(home: &Home) -> Result<()> {
    let link = home.path("stores");
    if link.is_symlink() {
        let target = fs::read_link(&link)?;
        if elsewhere(home).is_ok_and(|elsewhere| elsewhere == target) && target.exists() {
            fs::remove_dir_all(&target)?;
        }
        fs::remove_file(&link)?;
    }
    Ok(())
}

/// Whether every user may pass through the folder and all the folders above it.
pub(crate) fn is_reachable(folder: &Path) -> Result<bool> {
    for ancestor in folder.ancestors() {
        if fs::metadata(ancestor)?.permissions().mode() & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether no script takes the path for anything else than one word.
fn is_plain(folder: &Path) -> bool {
    folder.as_os_str().as_encoded_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.+".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:7::/:/bin/sh\npostgres:x:105:110:,,,:/var/lib/postgresql:/bin/bash\n";
        let found = Account::parse(users, "postgres");
        assert_eq!(found, Some(Account { name: "postgres".to_owned(), uid: 105, gid: 110 }));
        assert_eq!(Account::parse(users, "lyceum"), None);
    }

    #[test]
    fn a_folder_below_a_closed_one_is_out_of_reach() {
        let folder = std::env::temp_dir().join(format!("fleet-reach-{}", std::process::id()));
        fs::create_dir_all(folder.join("closed/inner")).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(folder.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
        let (open, closed) = (is_reachable(&folder), is_reachable(&folder.join("closed/inner")));
        fs::remove_dir_all(&folder).unwrap();
        assert!(open.unwrap());
        assert!(!closed.unwrap());
    }

    #[test]
    fn blanks_and_letters_of_other_alphabets_are_not_plain() {
        let plain = ["/srv/lyceum-2.0_b+1", "/srv/my school", "/srv/школа", "/srv/o'neill"]
            .map(|path| is_plain(Path::new(path)));
        assert_eq!(plain, [true, false, false, false]);
    }
}
