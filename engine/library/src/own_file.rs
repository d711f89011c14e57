//! The file that this library was loaded from.

use crate::failure::Failure;
use std::path::PathBuf;

/// The path of the file that this library was loaded from.
#[cfg(unix)]
pub(crate) fn path() -> Result<PathBuf, Failure> {
    let path = mapped().or_else(named);
    path.ok_or_else(|| Failure::OwnFile(std::io::ErrorKind::NotFound.into()))
}

/// Elsewhere the caller knows the path, and gives it in the options.
#[cfg(not(unix))]
pub(crate) fn path() -> Result<PathBuf, Failure> {
    Err(Failure::OwnFile(std::io::ErrorKind::Unsupported.into()))
}

/// The path by the kernel's list of mappings. It is absolute, so it stays true when the program
/// changes its folder between loading and creating.
#[cfg(unix)]
fn mapped() -> Option<PathBuf> {
    let address = (&raw const crate::SLOT).addr();
    path_of(address, &std::fs::read("/proc/self/maps").ok()?)
}

/// The path of the mapping that holds `address`, from lines of
/// `first-end permissions offset device inode   path`.
#[cfg(unix)]
fn path_of(address: usize, maps: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let hexadecimal = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok()?;
        usize::from_str_radix(digits, 16).ok()
    };
    let holds = |line: &&[u8]| {
        let mut ends = line.splitn(2, |&b| b == b'-');
        let first = ends.next().and_then(hexadecimal);
        let end = ends.next().and_then(|rest| rest.split(|&b| b == b' ').next());
        let end = end.and_then(hexadecimal);
        first.zip(end).is_some_and(|(first, end)| (first..end).contains(&address))
    };
    let line = maps.split(|&b| b == b'\n').find(holds)?;
    let path = &line[line.iter().position(|&b| b == b'/')?..];
    // A file that was replaced by renaming still has its old name here. Whatever lies there now
    // is held against the slot.
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    Some(std::ffi::OsStr::from_bytes(path).into())
}

/// The path that the dynamic linker loaded, where there is no list of mappings.
#[cfg(unix)]
fn named() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr only looks the address up, and fills in the struct when it returns other
    // than 0; zeros are a value of it.
    let info = unsafe {
        if libc::dladdr((&raw const crate::SLOT).cast(), info.as_mut_ptr()) == 0 {
            return None;
        }
        info.assume_init()
    };
    if info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the linker's name of a loaded file ends with a zero byte and lives as long as the
    // library that this code is part of.
    let name = unsafe { std::ffi::CStr::from_ptr(info.dli_fname) };
    Some(std::ffi::OsStr::from_bytes(name.to_bytes()).into())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn both_ways_find_the_file_that_this_test_runs_from() {
        let expected = std::env::current_exe().unwrap().canonicalize().unwrap();
        assert_eq!(named().unwrap().canonicalize().unwrap(), expected);
        if cfg!(target_os = "linux") {
            assert_eq!(mapped().unwrap(), expected);
        }
    }

    #[test]
    fn a_mapping_is_found_by_its_address() {
        let maps = b"7f00-7f10 r--p 00000000 08:01 42   /a b/libm.so\n\
            7f10-7f20 rw-p 00000000 00:00 0 \n\
            7f20-7f30 r--p 00000000 08:01 43   /libm.so (deleted)\n";
        let check = |address, path: Option<&str>| {
            assert_eq!(path_of(address, maps), path.map(PathBuf::from), "{address:x}");
        };
        check(0x7f00, Some("/a b/libm.so"));
        check(0x7f0f, Some("/a b/libm.so"));
        check(0x7f10, None);
        check(0x7f20, Some("/libm.so"));
        check(0x8000, None);
    }
}
