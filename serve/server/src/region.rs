//! Pieces of the system's shared memory through which clients on the same machine pass tensors.
//!
//! A region is read and written as a file, piece by piece, and never mapped: what a client changes
//! or truncates at the wrong moment is an error of one request, not a fault of the process.

use crate::Refusal;
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Where the system keeps shared memory.
const ROOT: &str = "/dev/shm";

/// Most regions. 256: each holds a file open, and a client needs two.
const MAX_REGIONS: usize = 256;

/// The regions that clients have registered.
#[derive(Debug)]
pub struct Regions {
    /// `None` when the server was not told to share memory.
    regions: Option<RwLock<BTreeMap<String, Arc<Region>>>>,
}

/// One registered region.
#[derive(Debug)]
pub struct Region {
    /// The name in requests.
    pub name: String,
    /// The name in the system.
    pub key: String,
    /// Where the region begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub byte_size: u64,
    file: File,
}

impl Regions {
    /// Room for regions, when memory is to be shared at all.
    pub(crate) fn new(is_allowed: bool) -> Regions {
        Regions { regions: is_allowed.then(RwLock::default) }
    }

    /// May memory be shared?
    pub fn is_allowed(&self) -> bool {
        self.regions.is_some()
    }

    /// Opens shared memory under a name.
    ///
    /// # Errors
    /// When memory is not shared, the name is taken, or there is no such memory of that size.
    pub fn register(
        &self,
        name: &str,
        key: &str,
        offset: u64,
        byte_size: u64,
    ) -> Result<(), Refusal> {
        let file = self.read().and_then(|regions| {
            if regions.contains_key(name) {
                return Err(Refusal::RegionExists { name: name.to_string() });
            }
            if regions.len() >= MAX_REGIONS {
                let text = format!("expected at most {MAX_REGIONS} regions; unregister some");
                return Err(Refusal::SharedMemory(text));
            }
            open(key)
        })?;
        let length = file.metadata().map_or(0, |data| if data.is_file() { data.len() } else { 0 });
        let end = offset.checked_add(byte_size);
        if byte_size == 0 || end.is_none_or(|end| end > length) {
            let text = format!("failed to register shared memory region '{name}': invalid args");
            return Err(Refusal::SharedMemory(text));
        }
        let (name, key) = (name.to_string(), key.to_string());
        let region = Arc::new(Region { name: name.clone(), key, offset, byte_size, file });
        match self.write()?.entry(name) {
            Entry::Occupied(entry) => Err(Refusal::RegionExists { name: entry.key().clone() }),
            Entry::Vacant(entry) => {
                entry.insert(region);
                Ok(())
            }
        }
    }

    /// Forgets one region, or all. One that is not there is forgotten already.
    ///
    /// # Errors
    /// When memory is not shared.
    pub fn unregister(&self, name: Option<&str>) -> Result<(), Refusal> {
        let mut regions = self.write()?;
        match name {
            None => regions.clear(),
            Some(name) => drop(regions.remove(name)),
        }
        Ok(())
    }

    /// One region, or all by name. There is none while memory is not shared.
    ///
    /// # Errors
    /// When there is no region of this name.
    pub fn status(&self, name: Option<&str>) -> Result<Vec<Arc<Region>>, Refusal> {
        let Ok(regions) = self.read() else {
            return name.map_or(Ok(Vec::new()), |name| Err(not_found("system ", name)));
        };
        match name {
            None => Ok(regions.values().cloned().collect()),
            Some(name) => {
                let region = regions.get(name).cloned();
                region.map(|region| vec![region]).ok_or_else(|| not_found("system ", name))
            }
        }
    }

    /// The region that a request names.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn find(&self, name: &str) -> Result<Arc<Region>, Refusal> {
        self.read()?.get(name).cloned().ok_or_else(|| not_found("", name))
    }

    /// Nothing is done under the lock that could leave the map half changed, so a poisoned one is
    /// still good.
    fn read(&self) -> Result<RwLockReadGuard<'_, BTreeMap<String, Arc<Region>>>, Refusal> {
        let regions = self.regions.as_ref().ok_or(Refusal::SharedMemoryOff)?;
        Ok(regions.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self) -> Result<RwLockWriteGuard<'_, BTreeMap<String, Arc<Region>>>, Refusal> {
        let regions = self.regions.as_ref().ok_or(Refusal::SharedMemoryOff)?;
        Ok(regions.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Region {
    /// Fills `bytes` from this offset of the region on.
    ///
    /// # Errors
    /// When the piece does not lie within the region, or the memory is gone.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Refusal> {
        self.check(offset, bytes.len())?;
        self.file.read_exact_at(bytes, self.offset + offset).map_err(|e| self.failed(&e))
    }

    /// Writes `bytes` from this offset of the region on.
    ///
    /// # Errors
    /// When the piece does not lie within the region, or the system refuses.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Refusal> {
        self.check(offset, bytes.len())?;
        self.file.write_all_at(bytes, self.offset + offset).map_err(|e| self.failed(&e))
    }

    fn check(&self, offset: u64, bytes: usize) -> Result<(), Refusal> {
        let name = &self.name;
        if offset >= self.byte_size {
            let text = format!("Invalid offset for shared memory region: '{name}'");
            return Err(Refusal::SharedMemory(text));
        }
        if bytes as u64 > self.byte_size - offset {
            let text = format!("Invalid offset + byte size for shared memory region: '{name}'");
            return Err(Refusal::SharedMemory(text));
        }
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> Refusal {
        Refusal::SharedMemory(format!("shared memory region '{}': {error}", self.name))
    }
}

/// Opens what `shm_open` of this name would, and no more: one name below one folder, no link.
fn open(key: &str) -> Result<File, Refusal> {
    let refused = || Refusal::SharedMemory(format!("Unable to open shared memory region: '{key}'"));
    let name = key.strip_prefix('/').unwrap_or(key);
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(refused());
    }
    // Without waiting: the name may be a pipe's.
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = rustix::fs::open(Path::new(ROOT).join(name), flags, Mode::empty());
    opened.map(File::from).map_err(|_| refused())
}

fn not_found(kind: &'static str, name: &str) -> Refusal {
    Refusal::RegionNotFound { kind, name: name.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of shared memory that is removed at the end.
    struct Memory(String);

    impl Memory {
        fn new(test: &str, bytes: &[u8]) -> Memory {
            let name = format!("schooner-{test}-{}", std::process::id());
            std::fs::write(Path::new(ROOT).join(&name), bytes).unwrap();
            Memory(name)
        }

        fn path(&self) -> std::path::PathBuf {
            Path::new(ROOT).join(&self.0)
        }
    }

    impl Drop for Memory {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(self.path());
        }
    }

    #[test]
    fn pieces_are_read_and_written() {
        let memory = Memory::new("pieces", b"0123456789");
        let regions = Regions::new(true);
        regions.register("r", &format!("/{}", memory.0), 2, 6).unwrap();
        let region = regions.find("r").unwrap();
        let mut piece = [0; 3];
        region.read(1, &mut piece).unwrap();
        assert_eq!(&piece, b"345");
        region.write(4, b"xy").unwrap();
        assert_eq!(std::fs::read(memory.path()).unwrap(), b"012345xy89");
        for (offset, bytes, text) in [
            (6, 0, "Invalid offset for shared memory region: 'r'"),
            (4, 3, "Invalid offset + byte size for shared memory region: 'r'"),
            (u64::MAX, 1, "Invalid offset for shared memory region: 'r'"),
        ] {
            let refusal = region.read(offset, &mut vec![0; bytes]).unwrap_err();
            assert_eq!(refusal.to_string(), text);
            assert_eq!(region.write(offset, &vec![0; bytes]).unwrap_err(), refusal);
        }
        std::fs::write(memory.path(), b"012").unwrap();
        assert!(region.read(3, &mut piece).is_err(), "the client took its memory away");
    }

    #[test]
    fn names_are_kept_apart() {
        let memory = Memory::new("names", &[0; 8]);
        let regions = Regions::new(true);
        regions.register("a", &memory.0, 0, 8).unwrap();
        let exists = regions.register("a", &memory.0, 0, 4).unwrap_err();
        assert_eq!(exists.to_string(), "shared memory region 'a' already in manager");
        regions.register("b", &memory.0, 4, 4).unwrap();
        let names = |regions: &Regions| -> Vec<String> {
            regions.status(None).unwrap().iter().map(|region| region.name.clone()).collect()
        };
        assert_eq!(names(&regions), ["a", "b"]);
        regions.unregister(Some("a")).unwrap();
        regions.unregister(Some("a")).unwrap();
        assert_eq!(names(&regions), ["b"]);
        let lost = regions.status(Some("a")).unwrap_err();
        assert_eq!(lost.to_string(), "Unable to find system shared memory region: 'a'");
        regions.unregister(None).unwrap();
        assert!(names(&regions).is_empty());
        let lost = regions.find("b").unwrap_err();
        assert_eq!(lost.to_string(), "Unable to find shared memory region: 'b'");
    }

    #[test]
    fn nothing_else_is_opened() {
        let memory = Memory::new("else", &[0; 8]);
        let regions = Regions::new(true);
        let link = Memory(format!("schooner-link-{}", std::process::id()));
        std::os::unix::fs::symlink("/etc/passwd", link.path()).unwrap();
        for key in ["", "/", "..", "/../shm/x", "a/b", "a\0b", "schooner-none", &link.0] {
            let text = format!("Unable to open shared memory region: '{key}'");
            assert_eq!(regions.register("r", key, 0, 1), Err(Refusal::SharedMemory(text)));
        }
        for (offset, size) in [(0, 9), (8, 1), (0, 0), (u64::MAX, 2)] {
            let text = "failed to register shared memory region 'r': invalid args".to_string();
            let refusal = regions.register("r", &memory.0, offset, size);
            assert_eq!(refusal, Err(Refusal::SharedMemory(text)));
        }
    }

    #[test]
    fn memory_is_shared_only_when_the_server_was_told_to() {
        let regions = Regions::new(false);
        assert!(!regions.is_allowed());
        assert_eq!(regions.register("r", "k", 0, 1), Err(Refusal::SharedMemoryOff));
        assert_eq!(regions.unregister(None), Err(Refusal::SharedMemoryOff));
        assert!(regions.status(None).unwrap().is_empty());
    }
}
