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
    let blocks = before.as_chunks::<LANES>().0.iter().zip(behind.as_chunks::<LANES>().0);
    let mut seen = (mask8x32::splat(simd, false), mask8x32::splat(simd, false));
    for (first, second) in blocks {
        seen = see::<S, DOTS>(simd, first, second, seen);
    }
    let (odd, dotted) = see::<S, DOTS>(simd, tail.0, tail.1, seen);
    (odd.any_true(), dotted.any_true())
}

/// Adds what is in a block to what has been seen.
#[inline(always)]
fn see<S: Simd, const DOTS: bool>(
    simd: S,
    first: &[u8; LANES],
    second: &[u8; LANES],
    (mut odd, mut dotted): (mask8x32<S>, mask8x32<S>),
) -> (mask8x32<S>, mask8x32<S>) {
    let is = |byte| u8x32::splat(simd, byte);
    let (first, second) = (first.split_at(32), second.split_at(32));
    for (first, second) in [(first.0, second.0), (first.1, second.1)] {
        let (first, second) = (u8x32::from_slice(simd, first), u8x32::from_slice(simd, second));
        odd |= first.simd_eq(is(b'\r')) ^ second.simd_eq(is(b'\n'));
        if DOTS {
            dotted |= first.simd_eq(is(b'\n')) & second.simd_eq(is(b'.'));
        }
    }
    (odd, dotted)
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
