//! A container written, read back, and damaged in every way that a file can be.

use package::{
    Arch, Container, ContainerError, Machine, PAGE_BYTES, SLOT_BYTES, Slot, VERSION, WriteError,
    Writer, abi, empty_slot, sections,
};

const CONSTANTS: [u8; 192] = [0xa5; 192];

fn writer(machine: Machine) -> Writer<'static> {
    Writer::new(machine)
        .section(&sections::CONSTANTS, &CONSTANTS)
        .section(&sections::PLAN, b"a plan")
        .section(&sections::RECIPE, b"{\"recipe\":1}")
        .section(&sections::MANIFEST, b"{\"name\":\"m\"}")
}

fn bare() -> Vec<u8> {
    let mut file = Vec::new();
    let written = writer(Machine::ANY).write_bare(&mut file).unwrap();
    assert_eq!(written.bytes, file.len() as u64);
    file
}

/// A template with its slot at byte 320.
fn template() -> Vec<u8> {
    let mut template: Vec<u8> = (0..1000u32).map(|i| (i % 251) as u8).collect();
    template[320..320 + SLOT_BYTES].copy_from_slice(&empty_slot());
    template
}

fn library() -> Vec<u8> {
    let mut file = Vec::new();
    writer(Machine::ANY).write_library(&template(), &mut file).unwrap();
    file
}

/// Everything that a reader does before it uses a file.
fn check(file: &[u8]) -> Result<(), ContainerError> {
    let container = Container::parse(file)?;
    container.check_machine(Machine::host())?;
    container.verify_payload(1)
}

#[test]
fn sections_come_back_in_place_and_aligned() {
    for file in [bare(), library()] {
        check(&file).unwrap();
        let container = Container::parse(&file).unwrap();
        assert_eq!(container.section(&sections::CONSTANTS), Some(&CONSTANTS[..]));
        assert_eq!(container.section(&sections::PLAN), Some(&b"a plan"[..]));
        assert_eq!(container.section(&sections::RECIPE), Some(&b"{\"recipe\":1}"[..]));
        let constants = container.range(&sections::CONSTANTS).unwrap();
        assert_eq!(constants.start as u64 % PAGE_BYTES, 0);
        let names: Vec<&str> = container.sections().map(|(s, _)| s.name).collect();
        assert_eq!(names, ["manifest", "recipe", "plan", "constants"]);
    }
}

#[test]
fn the_slot_ties_a_library_to_its_container() {
    let file = library();
    let slot = Slot::read(file[320..].first_chunk().unwrap()).unwrap();
    let container = Container::parse(&file).unwrap();
    container.check_slot(slot).unwrap();
    assert_eq!(slot.file_length, file.len() as u64);
    let other = bare();
    let replaced = Container::parse(&other).unwrap().check_slot(slot).unwrap_err();
    assert!(matches!(replaced, ContainerError::Replaced { .. }), "{replaced}");
    let error = writer(Machine::ANY).write_library(b"no slot", &mut Vec::new()).unwrap_err();
    assert!(matches!(error, WriteError::Slot { bytes: 7 }));
}

/// Each byte with a meaning, and a part of the zeros between sections, which are all alike.
#[test]
fn every_altered_byte_is_detected() {
    for mut file in [bare(), library()] {
        let is_filling = |file: &[u8], at: usize| {
            let around = file.get(at.saturating_sub(64)..at + 64);
            around.is_some_and(|bytes| bytes.iter().all(|&byte| byte == 0))
        };
        for at in 0..file.len() {
            if at % 31 != 0 && is_filling(&file, at) {
                continue;
            }
            let flip = 1 << (at % 8);
            file[at] ^= flip;
            assert!(check(&file).is_err(), "byte {at} of {} altered", file.len());
            file[at] ^= flip;
        }
        check(&file).unwrap();
    }
}

#[test]
fn every_other_length_is_detected() {
    for file in [bare(), library()] {
        for length in 0..file.len() {
            let error = check(&file[..length]).unwrap_err();
            // As soon as the first bytes say what the file is, so does the error.
            if length >= 1000 {
                let (expected, found) = (file.len() as u64, length as u64);
                assert_eq!(error, ContainerError::Length { expected, found });
            }
        }
        let longer = [&file[..], b"more"].concat();
        let (expected, found) = (file.len() as u64, longer.len() as u64);
        assert_eq!(check(&longer), Err(ContainerError::Length { expected, found }));
    }
}

#[test]
fn other_versions_and_machines_are_named() {
    let mut file = bare();
    file[8] += 1;
    assert_eq!(check(&file), Err(ContainerError::Version { found: VERSION + 1 }));
    let mut file = bare();
    file[12] += 1;
    seal(&mut file);
    assert_eq!(check(&file), Err(ContainerError::Abi { found: abi::VERSION + 1 }));

    let other = if Machine::host().arch == Arch::Aarch64 { Arch::X86_64 } else { Arch::Aarch64 };
    let mut file = Vec::new();
    writer(Machine::baseline(other)).write_bare(&mut file).unwrap();
    let error = check(&file).unwrap_err();
    assert!(matches!(error, ContainerError::Arch { .. }), "{error}");
    assert!(error.to_string().starts_with(&format!("built for {}", other.name())), "{error}");
}

#[test]
fn another_kind_of_file_is_named() {
    for file in [&b""[..], b"\x7fELF", b"PK\x03\x04 and so on", &template()] {
        let bytes = file.len() as u64;
        assert_eq!(check(file), Err(ContainerError::NotAContainer { bytes }));
    }
}

#[test]
fn a_missing_section_is_named() {
    let mut file = Vec::new();
    let writer = Writer::new(Machine::ANY).section(&sections::MANIFEST, b"{}");
    writer.section(&sections::CONSTANTS, b"").write_bare(&mut file).unwrap();
    assert_eq!(check(&file), Err(ContainerError::MissingSection("plan")));
}

/// Headers whose checksum is right and whose claims are not: none may panic, none may lead to
/// an allocation of what it claims.
#[test]
fn hostile_headers_are_refused() {
    let good = bare();
    let entry = |index: usize, field: usize| 64 + index * 32 + field;
    let table: &[(usize, u64)] = &[
        (32, 1 << 16),                 // begins elsewhere
        (40, u64::MAX),                // longer than any file
        (48, 0),                       // a slot where no template is
        (48, u64::MAX - 1),            // a slot past the end, whose end overflows
        (entry(0, 0), 99),             // no such section
        (entry(0, 0), 4),              // twice the same
        (entry(0, 8), 0),              // a section over the header
        (entry(0, 8), 3 << 60),        // a section past the end
        (entry(0, 8), u64::MAX),       // a start that overflows
        (entry(3, 8), (64 << 10) + 8), // not aligned
        (entry(3, 16), u64::MAX),      // an end that overflows
        (entry(3, 16), 1 << 40),       // a length past the end
    ];
    for &(at, value) in table {
        let mut file = good.clone();
        file[at..at + 8].copy_from_slice(&value.to_le_bytes());
        seal(&mut file);
        assert!(check(&file).is_err(), "{value} at byte {at}");
    }
    // More sections than the file has bytes for.
    let mut file = good;
    file[18..20].copy_from_slice(&u16::MAX.to_le_bytes());
    assert!(check(&file).is_err());
}

/// Random bytes behind a good magic, and random bytes over a good header.
#[test]
fn random_headers_never_panic() {
    let seed = 0x5eed_u64;
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    let good = bare();
    for _ in 0..20_000 {
        let mut file = good[..next() % 512].to_vec();
        for _ in 0..next() % 8 {
            let at = next() % file.len().max(1);
            if let Some(byte) = file.get_mut(at) {
                *byte = next() as u8;
            }
        }
        if file.len() >= 200 {
            seal(&mut file);
        }
        assert!(check(&file).is_err(), "seed {seed:#x}");
    }
}

/// Makes the header's checksum and the trailer's copies of its values right again.
fn seal(file: &mut [u8]) {
    let end = 64 + 32 * usize::from(u16::from_le_bytes([file[18], file[19]]));
    let Some(content) = file.get(..end) else { return };
    let checksum = twox_hash::XxHash3_64::oneshot(content).to_le_bytes();
    let start_and_length: Vec<u8> = file[32..48].to_vec();
    if let Some(place) = file.get_mut(end..end + 8) {
        place.copy_from_slice(&checksum);
    }
    let trailer = file.len() - 32;
    file[trailer..trailer + 16].copy_from_slice(&start_and_length);
    file[trailer + 16..trailer + 24].copy_from_slice(&checksum);
}
