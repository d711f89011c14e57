//! What a template was built for.

use crate::EmitError;
use package::Arch;

/// The processor that a shared library was built for: ELF, PE or Mach-O.
pub(crate) fn arch(template: &[u8]) -> Result<Arch, EmitError> {
    let found = match template {
        [0x7f, b'E', b'L', b'F', ..] => elf(u16_at(template, 18)),
        [b'M', b'Z', ..] => pe(u16_at(template, u32_at(template, 0x3c) as usize + 4)),
        [0xcf, 0xfa, 0xed, 0xfe, ..] => mach_o(u32_at(template, 4)),
        _ => None,
    };
    found.ok_or_else(|| {
        let found = template.iter().take(4).copied().collect();
        EmitError::TemplateKind { found }
    })
}

/// `e_machine`
fn elf(machine: u16) -> Option<Arch> {
    match machine {
        62 => Some(Arch::X86_64),
        183 => Some(Arch::Aarch64),
        _ => None,
    }
}

/// `Machine` of the file header
fn pe(machine: u16) -> Option<Arch> {
    match machine {
        0x8664 => Some(Arch::X86_64),
        0xaa64 => Some(Arch::Aarch64),
        _ => None,
    }
}

/// `cputype`
fn mach_o(kind: u32) -> Option<Arch> {
    match kind {
        0x0100_0007 => Some(Arch::X86_64),
        0x0100_000c => Some(Arch::Aarch64),
        _ => None,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_processors_are_told_apart() {
        let mut elf = vec![0; 64];
        elf[..4].copy_from_slice(b"\x7fELF");
        elf[18] = 183;
        assert_eq!(arch(&elf).unwrap(), Arch::Aarch64);
        let mut pe = vec![0; 256];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x80;
        pe[0x84..0x86].copy_from_slice(&[0x64, 0x86]);
        assert_eq!(arch(&pe).unwrap(), Arch::X86_64);
        for other in [&b""[..], b"\x7fELF", b"MZ", b"PK\x03\x04"] {
            assert!(matches!(arch(other), Err(EmitError::TemplateKind { .. })), "{other:?}");
        }
    }
}
