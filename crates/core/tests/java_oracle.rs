//! Java itself says what a property file means: thousands of generated files, read by both.
//!
//! Runs where a JDK is; elsewhere it says loudly that nothing was proven.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

use postrider_core::java_properties::{JavaEncoding, decode, entries};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const CASES: usize = 6000;

/// What Java is asked to do with a file: `Properties.load(InputStream)`, `Properties.load(Reader)` of UTF-8, and
/// `new PropertyResourceBundle(InputStream)`. One line an answer: `number how key=value …` in hexadecimal UTF-16
/// units, or `ERROR`.
const ORACLE: &str = r#"
import java.io.*;
import java.nio.charset.*;
import java.nio.file.*;
import java.util.*;

public class Oracle {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(new BufferedOutputStream(new FileOutputStream(args[2])), false, "US-ASCII");
        for (int i = 0; i < Integer.parseInt(args[1]); i++) {
            byte[] bytes = Files.readAllBytes(Path.of(args[0], i + ".properties"));
            for (String how : new String[] {"stream", "reader", "bundle"}) {
                out.print(i + " " + how);
                try {
                    for (Map.Entry<String, String> e : read(bytes, how).entrySet()) {
                        out.print(" " + hex(e.getKey()) + "=" + hex(e.getValue()));
                    }
                } catch (IllegalArgumentException | CharacterCodingException e) {
                    out.print(" ERROR");
                }
                out.println();
            }
        }
        out.close();
    }

    static TreeMap<String, String> read(byte[] bytes, String how) throws IOException {
        TreeMap<String, String> map = new TreeMap<>();
        if (how.equals("bundle")) {
            ResourceBundle bundle = new PropertyResourceBundle(new ByteArrayInputStream(bytes));
            for (String key : bundle.keySet()) map.put(key, bundle.getString(key));
            return map;
        }
        Properties properties = new Properties();
        if (how.equals("stream")) {
            properties.load(new ByteArrayInputStream(bytes));
        } else {
            CharsetDecoder strict = StandardCharsets.UTF_8.newDecoder();
            properties.load(new StringReader(strict.decode(java.nio.ByteBuffer.wrap(bytes)).toString()));
        }
        for (String key : properties.stringPropertyNames()) map.put(key, properties.getProperty(key));
        return map;
    }

    static String hex(String text) {
        StringBuilder hex = new StringBuilder();
        for (char c : text.toCharArray()) hex.append(String.format("%04x", (int) c));
        return hex.toString();
    }
}
"#;

/// Pieces that mean something to the format, or nearly do.
const PIECES: &[&[u8]] = &[
    b"mail.smtp.host",
    b"k",
    b"v",
    b"0",
    b"12",
    b"F",
    b"#",
    b"!",
    b"=",
    b":",
    b" ",
    b"\t",
    b"\x0c",
    b"\x0b",
    b"\n",
    b"\n",
    b"\r",
    b"\r\n",
    b"\\",
    b"\\",
    b"\\\n",
    b"\\\r\n",
    b"\\\r",
    b"\\\n  ",
    b"\\u00e9",
    b"\\u",
    b"\\uD83D\\uDE00",
    b"\\uuuu",
    b"\\u005c",
    b"\\t\\n\\r\\f\\q",
    b"\\=",
    b"\\:",
    b"\\ ",
    b"\xc3\xa9",
    b"\xe9",
    b"\xf0\x9f\x98\x80",
    b"\xef\xbb\xbf",
    b"\xc2\xa0",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\x00",
    b"\x1a",
];

fn generate(number: usize) -> Vec<u8> {
    // A seeded xorshift: the same files in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number as u64 + 1) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    // Few files may hold bytes that are not UTF-8: one is enough to change the reading of all.
    let latin1 = next(5) == 0;
    let mut bytes = Vec::new();
    for _ in 0..next(24) {
        let piece = PIECES[next(PIECES.len())];
        if latin1 || piece != b"\xe9" {
            bytes.extend_from_slice(piece);
        }
    }
    bytes
}

fn hex(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("{unit:04x}")).collect()
}

fn ours(bytes: &[u8], encoding: JavaEncoding) -> String {
    let read = decode(bytes, encoding).and_then(|text| entries(&text));
    let Ok(entries) = read else { return " ERROR".to_owned() };
    let map: BTreeMap<Vec<u16>, String> =
        entries.iter().map(|e| (e.key.encode_utf16().collect(), hex(e.value.expose()))).collect();
    map.iter().map(|(key, value)| format!(" {}={value}", hex(&String::from_utf16_lossy(key)))).collect()
}

/// True if Java's answer holds half a character, which our strings can't.
fn is_half(answer: &str) -> bool {
    answer.split([' ', '=']).any(|hex| {
        let units: Option<Vec<u16>> = hex
            .as_bytes()
            .chunks(4)
            .map(|unit| u16::from_str_radix(std::str::from_utf8(unit).ok()?, 16).ok())
            .collect();
        units.is_some_and(|units| String::from_utf16(&units).is_err())
    })
}

#[test]
fn every_generated_file_means_here_what_it_means_to_java() {
    if Command::new("javac").arg("-version").output().is_err() {
        eprintln!(
            "\n*** SKIPPED, NOTHING PROVEN: no JDK on this machine to compare property files with ***\n"
        );
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("java-oracle-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("Oracle.java"), ORACLE).unwrap();
    let files: Vec<Vec<u8>> = (0..CASES).map(generate).collect();
    for (number, bytes) in files.iter().enumerate() {
        std::fs::write(folder.join(format!("{number}.properties")), bytes).unwrap();
    }
    let out = folder.join("answers");
    let run = Command::new("java")
        .arg(folder.join("Oracle.java"))
        .arg(&folder)
        .arg(CASES.to_string())
        .arg(&out)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

    let answers = std::fs::read_to_string(&out).unwrap();
    let (mut same, mut errors, mut halves, mut cut) = (0, 0, 0, 0);
    let mut different = Vec::new();
    for line in answers.lines() {
        let (number, rest) = line.split_once(' ').unwrap();
        let how = rest.split(' ').next().unwrap();
        let java = &rest[how.len()..];
        let bytes = &files[number.parse::<usize>().unwrap()];
        if how == "bundle" && std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_none()) {
            // Java's rule fails where a file ends inside a character; ours reads it as Latin-1 like any other.
            assert_eq!(java, " ERROR");
            cut += 1;
            continue;
        }
        let encoding = match how {
            "stream" => JavaEncoding::Latin1,
            "reader" => JavaEncoding::Utf8,
            _ => JavaEncoding::Detect,
        };
        let mine = ours(bytes, encoding);
        if is_half(java) {
            assert_eq!(mine, " ERROR", "{how}: {:?}", bytes.escape_ascii().to_string());
            halves += 1;
            continue;
        }
        if mine != java {
            different.push(format!("{how} of b\"{}\":\n  ours{mine}\n  Java{java}", bytes.escape_ascii()));
            continue;
        }
        same += 1;
        errors += usize::from(java == " ERROR");
    }
    different.sort_by_key(String::len);
    different.truncate(20);
    assert!(different.is_empty(), "the shortest of what is different:\n{}", different.join("\n"));
    assert_eq!(same + halves + cut, CASES * 3);
    // The comparison is worth something only if there is much to compare.
    assert!(
        errors > 300 && same - errors > CASES,
        "{same} the same, {errors} of them errors, {halves} halves"
    );
    eprintln!(
        "{same} answers the same as Java's, {errors} of them errors; {halves} with half a character, {cut} cut"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}
