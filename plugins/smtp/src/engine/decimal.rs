//! Numbers as commands have them. Pure.

/// A number in decimal digits, without the machinery of formatting: there is one in every message.
pub(super) struct Decimal([u8; 20], usize);

impl Decimal {
    pub(super) fn new(mut number: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + (number % 10) as u8;
            (number, start) = (number / 10, at);
            if number == 0 {
                break;
            }
        }
        Self(digits, start)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.get(self.1..).unwrap_or_default()
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_number_is_written_as_it_is() {
        for number in [0, 1, 9, 10, 4096, 1_000_000, u64::MAX] {
            assert_eq!(Decimal::new(number).as_str(), number.to_string());
        }
    }
}
