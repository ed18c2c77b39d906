//! Looking many bytes of a body through at once. Pure.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, mask8x32, u8x32};

/// So many pairs of neighbours are compared in one go.
const LANES: usize = 64;

/// What a block holds that may have to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// CR and LF stand only together, none of them cut off at an end.
    pub(super) canonical: bool,
    /// A dot stands behind an LF. Not told where dots are of no interest.
    pub(super) dotted: bool,
}

/// Looks a block through. Every byte is compared with the one behind it and nothing branches.
pub(super) fn look(bytes: &[u8], dots: bool) -> Look {
    let cut = bytes.first() == Some(&b'\n') || bytes.last() == Some(&b'\r');
    let level = Level::new();
    let (odd, dotted) = match dots {
        true => dispatch!(level, simd => pairs::<_, true>(simd, bytes)),
        false => dispatch!(level, simd => pairs::<_, false>(simd, bytes)),
    };
    Look { canonical: !cut && !odd, dotted }
}

/// Whether a CR or LF stands without the other, and whether a dot stands behind an LF.
#[inline(always)]
fn pairs<S: Simd, const DOTS: bool>(simd: S, bytes: &[u8]) -> (bool, bool) {
    let behind = bytes.get(1..).unwrap_or_default();
    let before = bytes.get(..behind.len()).unwrap_or_default();
    // What fills no block is looked at once more, together with some of what stands before it.
    let tail = behind.len().checked_sub(LANES).and_then(|at| {
        Some((before.get(at..)?.first_chunk::<LANES>()?, behind.get(at..)?.first_chunk::<LANES>()?))
    });
    let Some(tail) = tail else {
        let (odd, dotted) = few(before, behind);
        return (odd, dotted && DOTS);
    };
    let is = |byte| u8x32::splat(simd, byte);
    let (cr, lf, dot) = (is(b'\r'), is(b'\n'), is(b'.'));
    let mut odd = mask8x32::splat(simd, false);
    let mut dotted = odd;
    let blocks = before.as_chunks::<LANES>().0.iter().zip(behind.as_chunks::<LANES>().0);
    for (first, second) in blocks.chain([tail]) {
        let (first, second) = (first.as_chunks::<32>().0, second.as_chunks::<32>().0);
        for (first, second) in first.iter().zip(second) {
            let (first, second) = (u8x32::from_slice(simd, first), u8x32::from_slice(simd, second));
            odd |= first.simd_eq(cr) ^ second.simd_eq(lf);
            if DOTS {
                dotted |= first.simd_eq(lf) & second.simd_eq(dot);
            }
        }
    }
    (odd.any_true(), dotted.any_true())
}

/// As [`pairs`], one by one.
fn few(before: &[u8], behind: &[u8]) -> (bool, bool) {
    before.iter().zip(behind).fold((false, false), |(odd, dotted), (first, second)| {
        let odd = odd | ((*first == b'\r') != (*second == b'\n'));
        (odd, dotted | ((*first == b'\n') & (*second == b'.')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_are_seen_as_byte_by_byte(
            text in proptest::collection::vec(prop_oneof![
                20 => Just(&b"x"[..]), 4 => Just(&b"\r\n"[..]), 1 => Just(&b"."[..])], 0..400),
            spoiled in proptest::option::of((any::<proptest::sample::Index>(), 0u8..4)),
        ) {
            let mut bytes = text.concat();
            if let (Some((at, what)), false) = (spoiled, bytes.is_empty()) {
                let at = at.index(bytes.len());
                bytes[at] = b"\r\n.x"[usize::from(what)];
            }
            let cut = bytes.first() == Some(&b'\n') || bytes.last() == Some(&b'\r');
            let (odd, dotted) = few(&bytes[..bytes.len().max(1) - 1], bytes.get(1..).unwrap_or_default());
            prop_assert_eq!(look(&bytes, true), Look { canonical: !cut && !odd, dotted });
            prop_assert_eq!(look(&bytes, false).canonical, !cut && !odd);
        }
    }

    #[test]
    fn a_spoiled_pair_is_seen_wherever_it_stands() {
        for length in 1..300 {
            for at in 0..length {
                for (byte, dots) in [(b'\r', false), (b'\n', false), (b'.', true)] {
                    let mut bytes = vec![b'x'; length];
                    bytes[at] = byte;
                    assert_eq!(look(&bytes, true).canonical, dots, "{length} {at}");
                    if at > 1 && byte == b'.' {
                        bytes[at - 2..at].copy_from_slice(b"\r\n");
                        assert_eq!(
                            look(&bytes, true),
                            Look { canonical: true, dotted: true },
                            "{length} {at}"
                        );
                    }
                }
            }
        }
    }
}
