//! Libraries that are none, are not ours, lie or fail: each is a typed error that names the file, in a process that
//! goes on. Every case has a process of its own, for one that fails could take the others with it.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod build;
mod child;

use child::{refused, run};
use postrider_loader::Policy;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

#[test]
#[ignore = "runs as the child of the other tests"]
fn in_the_child() {
    child::main();
}

fn file(folder: &tempfile::TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    path
}

#[test]
fn files_that_are_no_libraries_are_refused() {
    let folder = build::folder();
    let whole = std::fs::read(build::odd()).unwrap();
    for (name, content, words) in [
        ("empty.so", &b""[..], "not an ELF file"),
        ("text.so", b"#!/bin/sh\necho hello\n", "not an ELF file"),
        ("linker.so", b"INPUT(libc.so.6)", "not an ELF file"),
        ("magic.so", b"\x7fELF", "stops short"),
        ("header.so", &whole[..64], "stops short"),
        ("segments.so", &whole[..4_096], "stops short"),
        ("half.so", &whole[..whole.len() / 2], "stops short"),
        ("zeroes.so", &[0; 9_000], "not an ELF file"),
    ] {
        refused(&file(&folder, name, content), "NotALibrary", words);
    }
    for (at, name, words) in
        [(4, "32bit.so", "64-bit"), (16, "object.so", "not a shared library"), (18, "other.so", "processor")]
    {
        let mut changed = whole.clone();
        changed[at] = 1;
        refused(&file(&folder, name, &changed), "NotALibrary", words);
    }
    refused(folder.path(), "NotAFile", "regular file");
    refused(&folder.path().join("missing.so"), "Unreadable", "can't be read");
}

#[test]
fn a_library_cut_or_spoilt_anywhere_in_its_head_does_not_end_the_process() {
    let folder = build::folder();
    let whole = std::fs::read(build::odd()).unwrap();
    // In one process: none of these may get as far as being opened with a part missing.
    for cut in (0..whole.len() - 1).step_by(whole.len() / 97) {
        let path = file(&folder, &format!("cut{cut}.so"), &whole[..cut]);
        if let Ok(loaded) = postrider_loader::load(&path, &Policy::new()) {
            // What is missing is nothing that is loaded.
            assert_eq!(loaded.plugin.package, "odd");
        }
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn foreign_libraries_are_no_plugins() {
    let mut tried = 0;
    for folder in ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/lib/aarch64-linux-gnu"] {
        for name in ["libc.so.6", "libz.so.1", "libm.so.6"] {
            let path = Path::new(folder).join(name);
            if path.exists() {
                refused(&path, "NoDescriptor", "exports no POSTRIDER_PLUGIN");
                tried += 1;
            }
        }
    }
    assert!(tried > 0);
}

#[test]
fn what_this_program_cannot_use_is_refused_before_any_of_its_code_runs() {
    let folder = build::folder();
    // These have an initialiser that ends the process.
    for (case, more, reason, words) in [
        ("no_symbol", &[][..], "NoDescriptor", "exports no"),
        ("wrong_magic", &[], "Incompatible(Magic)", "no plugin descriptor"),
        ("other_major", &[], "Incompatible(Major(2))", "speaks plugin ABI 2, this program 1"),
        ("too_short", &[], "Incompatible(Short(40))", "too short, 40 bytes"),
        ("too_long", &[], "Incompatible(Short(18446744073709551615))", "too short"),
        ("odd_panic", &[], "Incompatible(Malformed", "7 stands for no way to panic"),
        ("aborts", &["-C", "panic=abort"], "Incompatible(Aborts)", "panic=abort"),
    ] {
        refused(&build::wrong(case, &folder, more), reason, words);
    }
}

#[test]
fn a_plugin_that_cargo_built_with_panic_abort_is_refused_before_any_of_its_code_runs() {
    // A plugin as an author would build it, with panic = "abort" in its profile. Its initialiser ends the process.
    let library = build::aborting();
    refused(&library, "Incompatible(Aborts)", "built with panic=abort");
    // It is this that refuses it: the initialiser is there.
    let opened = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "opened_without_looking", "--ignored", "--nocapture"])
        .env("ODD_PATH", &library)
        .output()
        .unwrap();
    assert_eq!(opened.status.code(), Some(97), "{opened:?}");
}

#[test]
#[ignore = "runs as the child of the test above"]
#[allow(unsafe_code)]
fn opened_without_looking() {
    let Ok(path) = std::env::var("ODD_PATH") else { return };
    // SAFETY: its initialiser is meant to end this process.
    drop(unsafe { libloading::Library::new(path) });
}

#[test]
fn a_plugin_that_blocks_its_thread_blocks_no_other() {
    let odd = build::odd().to_str().unwrap();
    for mode in ["block-make", "block-poll"] {
        let text = run(odd, "odd-out", mode);
        assert!(text.contains("BLOCKED true") && text.contains("SEND ok 5 bytes"), "{mode}: {text}");
        assert!(!text.contains("CONNECT"), "a timeout ended it after all: {text}");
    }
}

#[test]
fn a_descriptor_that_lies_is_refused() {
    let folder = build::folder();
    for (case, reason, words) in [
        ("null_transports", "Incompatible(Malformed", "can't be found"),
        ("bad_stride", "Incompatible(Malformed", "can't be found"),
        ("no_transports", "Incompatible(Malformed", "no transports, or too many"),
        ("many_transports", "Incompatible(Malformed", "no transports, or too many"),
        ("bad_direction", "Incompatible(Malformed", "9 stands for no direction"),
        ("no_make", "Incompatible(Malformed", "can't be made"),
        ("bad_rows", "Incompatible(Malformed", "stops short"),
        ("short_rows", "Incompatible(Malformed", "stops short"),
        ("bad_name", "Name(", "is not a transport name"),
        ("endless_name", "Name(", "is not a transport name"),
        ("reserved_name", "Name(", "reserved name"),
    ] {
        refused(&build::wrong(case, &folder, &[]), reason, words);
    }
    // It is opened with all it needs or not at all, and not found out in the middle of a message.
    let library = build::wrong("unresolved", &folder, &[]);
    refused(&library, "Open(", "nobody_has_this_function");
}

#[test]
fn a_name_that_is_taken_names_both_files() {
    let text = run(build::odd().to_str().unwrap(), "odd-out", "twice");
    assert!(
        text.contains("two outgoing transports are called \"odd-out\"") && text.contains("AGAIN the plugin"),
        "{text}"
    );
    assert!(text.contains("SEND ok"), "the first one works: {text}");
}

#[test]
fn garbage_across_the_boundary_is_an_error_of_kind_plugin() {
    let folder = build::folder();
    for (case, want) in [
        (
            "make_status",
            "MAKE Plugin(Never) configuration: the plugin broke the boundary's rules: an answer has the unknown status 99",
        ),
        ("make_pending", "unknown status 0"),
        (
            "make_nothing",
            "MAKE Plugin(Never) configuration: the plugin broke the boundary's rules: an object is missing",
        ),
        ("make_kind", "an object is not of the kind it should be"),
        ("make_size", "an object is not of the kind it should be"),
        ("make_keys", "a value stops short"),
        ("make_error", "99 stands for no ErrorKind"),
        ("make_length", "a value stops short"),
        (
            "only_header",
            "SEND Plugin(Never) configuration: the plugin broke the boundary's rules: the transport has no such function",
        ),
        (
            "null_future",
            "SEND Plugin(Never) configuration: the plugin broke the boundary's rules: a future is missing",
        ),
        ("null_poll", "a future is missing"),
        ("send_status", "unknown status 77"),
        (
            "send_error",
            "SEND Plugin(Never) configuration: the plugin broke the boundary's rules: 99 stands for no ErrorKind",
        ),
        (
            "send_receipt",
            "SEND Plugin(Never) configuration: the plugin broke the boundary's rules: a value stops short",
        ),
        ("send_pending", "SEND timed out"),
        ("drop_fails", "SEND Plugin"),
    ] {
        let library = build::wrong(case, &folder, &[]);
        let text = run(library.to_str().unwrap(), "wrong", "plain");
        assert!(text.contains(want), "{case}: {text}");
        if text.contains("SEND Plugin") && case != "only_header" {
            assert!(
                text.contains("THEN Plugin(Never) configuration: the plugin panicked in an earlier call"),
                "{case}: {text}"
            );
        }
    }
}

#[test]
fn panics_come_back_as_errors_and_the_transport_is_not_used_again() {
    let odd = build::odd().to_str().unwrap();
    let poisoned = "THEN Plugin(Never) configuration: the plugin panicked in an earlier call";
    for (name, mode, want) in [
        ("odd-out", "panic-make", vec!["MAKE Plugin(Never) configuration: the plugin panicked: in make"]),
        (
            "odd-out",
            "panic-send",
            vec!["SEND Plugin(Never) configuration: the plugin panicked: in send", poisoned],
        ),
        (
            "odd-out",
            "panic-late",
            vec!["SEND Unsure(MayDuplicate) end of data: the plugin panicked: after the end", poisoned],
        ),
        ("odd-out", "panic-cancel", vec!["SEND timed out", poisoned]),
        ("odd-out", "panic-end", vec!["SEND ok 5 bytes", "THEN ok 5 bytes"]),
        (
            "odd-in",
            "panic-fetch",
            vec![
                "FETCH Plugin(Never)",
                "in fetch of odd:box/1",
                "CLOSE Err(\"the plugin panicked in an earlier call\")",
            ],
        ),
        ("odd-in", "body-panic", vec!["BODY Err(Plugin(Never)", "in the body", "THEN Err(Plugin"]),
        ("odd-in", "body-error", vec!["BODY Err(Deferred(MayDuplicate)", "THEN Ok(true)"]),
    ] {
        let text = run(odd, name, mode);
        for part in want {
            assert!(text.contains(part), "{name} {mode}: no \"{part}\" in {text}");
        }
    }
}

#[test]
fn a_file_that_others_can_change_is_refused() {
    let mode =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let folder = build::folder();
    let library = build::installed(build::odd(), &folder);
    for bits in [0o777, 0o757, 0o775] {
        mode(&library, bits);
        refused(&library, "WritableByOthers", library.to_str().unwrap());
    }
    mode(&library, 0o644);
    for bits in [0o777, 0o775, 0o1777] {
        mode(folder.path(), bits);
        refused(&library, "WritableByOthers", "others may write");
    }
    mode(folder.path(), 0o700);
    // A link that lies well but leads into a folder that others can write, and one that lies there itself.
    let open = folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    mode(&open, 0o777);
    std::fs::copy(&library, open.join("libodd.so")).unwrap();
    symlink(open.join("libodd.so"), folder.path().join("link.so")).unwrap();
    refused(&folder.path().join("link.so"), "WritableByOthers", open.to_str().unwrap());
    symlink(&library, open.join("back.so")).unwrap();
    refused(&open.join("back.so"), "WritableByOthers", open.to_str().unwrap());
    refused(Path::new("libodd.so"), "RelativePath", "not absolute");
    refused(&folder.path().join("open/../libodd.so"), "RelativePath", "not absolute");
    // And a link that is right.
    symlink(&library, folder.path().join("good.so")).unwrap();
    let text = run(folder.path().join("good.so").to_str().unwrap(), "odd-out", "plain");
    assert!(text.contains("SEND ok"), "{text}");
    // Only root can give files away.
    if std::os::unix::fs::chown(&library, Some(4_242), None).is_ok() {
        refused(&library, "ForeignOwner", "somebody else owns");
    }
}

#[test]
fn only_allowed_content_is_loaded_where_a_list_is_given() {
    use sha2::{Digest, Sha256};
    let odd = build::odd();
    let error = postrider_loader::load(odd, &Policy::new().allow([7; 32])).unwrap_err();
    let hash: [u8; 32] = Sha256::digest(std::fs::read(odd).unwrap()).into();
    assert!(error.to_string().contains(&format!("{:02x}{:02x}", hash[0], hash[1])), "{error}");
    assert!(matches!(error.reason(), postrider_loader::Refusal::NotAllowed(_)) && error.path() == odd);
    let loaded = postrider_loader::load(odd, &Policy::new().allow([7; 32]).allow(hash)).unwrap();
    assert_eq!((loaded.plugin.package.as_str(), loaded.plugin.version.as_str()), ("odd", "4.5.6"));
}
