//! Looking many bytes of a body through at once. Pure.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, mask8x32, u8x32};
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// So many places are looked at in one go.
const LANES: usize = 128;

/// True if CR and LF stand only together in these bytes, none of them cut off at an end.
pub(super) fn is_canonical(bytes: &[u8]) -> bool {
    look::<false>(bytes, &mut Vec::new())
}

/// As [`is_canonical`]. If so, `dots` are the places of those that begin a line but the first.
pub(super) fn find_dots(bytes: &[u8], dots: &mut Vec<usize>) -> bool {
    dots.clear();
    look::<true>(bytes, dots)
}

fn look<const DOTS: bool>(bytes: &[u8], dots: &mut Vec<usize>) -> bool {
    let cut = bytes.first() == Some(&b'\n') || bytes.last() == Some(&b'\r');
    if cut {
        return false;
    }
    if bytes.len() < LANES + 2 {
        return few::<DOTS>(bytes, dots);
    }
    let level = Level::new();
    dispatch!(level, simd => many::<_, DOTS>(simd, bytes, dots))
}

/// Every byte is compared with those behind it, and nothing branches but for a dot.
#[inline(always)]
fn many<S: Simd, const DOTS: bool>(simd: S, bytes: &[u8], dots: &mut Vec<usize>) -> bool {
    let mut odd = mask8x32::splat(simd, false);
    // Each place, the one behind it, and the one behind that.
    let from = |n: usize| bytes.get(n..bytes.len() + n - 2).unwrap_or_default();
    let (first, second, third) = (from(0), from(1), from(2));
    let windows = first.as_chunks::<LANES>().0.iter().zip(second.as_chunks().0).zip(third.as_chunks().0);
    for (n, ((first, second), third)) in windows.enumerate() {
        if see::<S, DOTS>(simd, first, second, third, &mut odd) {
            note(bytes, n * LANES, dots);
        }
    }
    // What fills no window is looked at once more, together with some of what stands before it.
    if let (Some(a), Some(b), Some(c)) = (first.last_chunk(), second.last_chunk(), third.last_chunk())
        && see::<S, DOTS>(simd, a, b, c, &mut odd)
    {
        note(bytes, first.len() - LANES, dots);
    }
    let end = bytes.last_chunk::<2>().is_none_or(|[first, second]| is_one(*first, *second));
    !odd.any_true() && end
}

/// Adds whether line ends are odd in a window. True if a dot stands behind one.
#[inline(always)]
fn see<S: Simd, const DOTS: bool>(
    simd: S,
    first: &[u8; LANES],
    second: &[u8; LANES],
    third: &[u8; LANES],
    odd: &mut mask8x32<S>,
) -> bool {
    let is = |lanes: &[u8; 32], byte| u8x32::from_slice(simd, lanes).simd_eq(u8x32::splat(simd, byte));
    let (first, second, third) = (first.as_chunks().0, second.as_chunks().0, third.as_chunks().0);
    let mut dotted = mask8x32::splat(simd, false);
    for ((first, second), third) in first.iter().zip(second).zip(third) {
        let ends = is(second, b'\n');
        *odd |= is(first, b'\r') ^ ends;
        if DOTS {
            dotted |= ends & is(third, b'.');
        }
    }
    DOTS && dotted.any_true()
}

/// What stands before a dot that is noted.
static LINE_END_THEN_DOT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\n."));

/// Notes the dots behind an LF in the window at a place, but for those known from the window before it.
#[cold]
fn note(bytes: &[u8], at: usize, dots: &mut Vec<usize>) {
    let window = bytes.get(at..).unwrap_or_default();
    let window = window.get(..LANES + 2).unwrap_or(window);
    for found in LINE_END_THEN_DOT.find_iter(window) {
        let dot = at + found + 1;
        if dots.last().is_none_or(|last| *last < dot) {
            dots.push(dot);
        }
    }
}

/// As [`many`], one by one.
fn few<const DOTS: bool>(bytes: &[u8], dots: &mut Vec<usize>) -> bool {
    let mut canonical = true;
    for (at, (first, second)) in bytes.iter().zip(bytes.iter().skip(1)).enumerate() {
        canonical &= is_one(*first, *second);
        if DOTS && (*first, *second) == (b'\n', b'.') {
            dots.push(at + 1);
        }
    }
    canonical
}

/// True if these neighbours are a whole line end, or none.
fn is_one(first: u8, second: u8) -> bool {
    (first == b'\r') == (second == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn both(bytes: &[u8]) -> (bool, Vec<usize>) {
        let mut dots = vec![7];
        let canonical = find_dots(bytes, &mut dots);
        assert_eq!(is_canonical(bytes), canonical, "{}", bytes.escape_ascii());
        (canonical, dots)
    }

    proptest! {
        #[test]
        fn windows_are_seen_as_byte_by_byte(
            text in proptest::collection::vec(prop_oneof![
                20 => Just(&b"x"[..]), 4 => Just(&b"\r\n"[..]), 2 => Just(&b"."[..])], 0..400),
            spoiled in proptest::option::of((any::<proptest::sample::Index>(), 0u8..4)),
        ) {
            let mut bytes = text.concat();
            if let (Some((at, what)), false) = (spoiled, bytes.is_empty()) {
                let at = at.index(bytes.len());
                bytes[at] = b"\r\n.x"[usize::from(what)];
            }
            let cut = bytes.first() == Some(&b'\n') || bytes.last() == Some(&b'\r');
            let mut slow = Vec::new();
            let want = few::<true>(&bytes, &mut slow) && !cut;
            let (canonical, dots) = both(&bytes);
            prop_assert_eq!(canonical, want);
            if canonical {
                prop_assert_eq!(dots, slow);
            }
        }
    }

    #[test]
    fn a_spoiled_pair_is_seen_wherever_it_stands() {
        for length in 1..300 {
            for at in 0..length {
                for (byte, fine) in [(b'\r', false), (b'\n', false), (b'.', true)] {
                    let mut bytes = vec![b'x'; length];
                    bytes[at] = byte;
                    assert_eq!(both(&bytes), (fine, vec![]), "{length} {at}");
                    if at > 1 && byte == b'.' {
                        bytes[at - 2..at].copy_from_slice(b"\r\n");
                        assert_eq!(both(&bytes), (true, vec![at]), "{length} {at}");
                    }
                }
            }
        }
    }
}
