//! A library that breaks the boundary's rules, one for each `cfg`. Written without our crates: it says what it likes.
#![allow(dead_code, unexpected_cfgs)]

use std::ptr::{null, null_mut};

#[repr(C)]
pub struct Text(*const u8, usize);
#[repr(C)]
pub struct Buf(*const u8, usize, *mut (), Option<unsafe extern "C" fn(*mut ())>);
#[repr(C)]
pub struct Object(*mut (), *const Table);
#[repr(C)]
pub struct Answer(u32, Buf, Object);
type Poll = unsafe extern "C" fn(*mut (), *const ()) -> Answer;
#[repr(C)]
pub struct Future(*mut (), Option<Poll>, Option<unsafe extern "C" fn(*mut ()) -> u32>);
#[repr(C)]
pub struct Table {
    size: usize,
    kind: u32,
    drop: Option<unsafe extern "C" fn(*mut ()) -> u32>,
    send: Option<unsafe extern "C" fn(*mut (), Buf, Object) -> Future>,
}
#[repr(C)]
pub struct Transport {
    direction: u32,
    name: Text,
    rows: Text,
    make: Option<unsafe extern "C" fn(Object, Object) -> Answer>,
    check: Option<unsafe extern "C" fn(u32, Text) -> Answer>,
}
#[repr(C)]
pub struct Descriptor {
    magic: [u8; 16],
    major: u32,
    minor: u32,
    size: u64,
    panic: u32,
    count: u32,
    transports: *const Transport,
    stride: u64,
    texts: [Text; 3],
}
unsafe impl Sync for Table {}
unsafe impl Sync for Transport {}
unsafe impl Sync for Descriptor {}

/// What must be refused before any of its code runs ends the process if it does run.
#[cfg(any(wrong_magic, other_major, too_short, too_long, aborts, odd_panic, no_symbol))]
#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISER: extern "C" fn() = {
    extern "C" fn run() {
        std::process::abort()
    }
    run
};

#[cfg(unresolved)]
unsafe extern "C" {
    fn nobody_has_this_function();
}
#[cfg(unresolved)]
#[used]
static WANTED: unsafe extern "C" fn() = nobody_has_this_function;

const NAME: &[u8] = if cfg!(bad_name) {
    b"Wrong Name"
} else if cfg!(reserved_name) {
    b"store"
} else {
    b"wrong"
};
static ROWS: [u8; 20] = if cfg!(bad_rows) { [0xff; 20] } else { [0; 20] };
static TRANSPORT: Transport = Transport {
    direction: if cfg!(bad_direction) { 9 } else { 2 },
    name: Text(NAME.as_ptr(), if cfg!(endless_name) { usize::MAX } else { NAME.len() }),
    rows: Text(ROWS.as_ptr(), if cfg!(short_rows) { 7 } else { 20 }),
    make: if cfg!(no_make) { None } else { Some(make) },
    check: Some(check),
};

#[cfg(not(no_symbol))]
#[unsafe(no_mangle)]
pub static POSTRIDER_PLUGIN: Descriptor = Descriptor {
    magic: if cfg!(wrong_magic) { *b"POSTRIDER PIGEON" } else { *b"POSTRIDER PLUGIN" },
    major: if cfg!(other_major) { 2 } else { 1 },
    minor: 0,
    size: if cfg!(too_short) {
        40
    } else if cfg!(too_long) {
        u64::MAX
    } else {
        size_of::<Descriptor>() as u64
    },
    panic: if cfg!(odd_panic) {
        7
    } else if cfg!(panic = "abort") {
        2
    } else {
        1
    },
    count: if cfg!(no_transports) {
        0
    } else if cfg!(many_transports) {
        u32::MAX
    } else {
        1
    },
    transports: if cfg!(null_transports) { null() } else { &raw const TRANSPORT },
    stride: if cfg!(bad_stride) { 3 } else { size_of::<Transport>() as u64 },
    texts: [Text(null(), 0), Text(null(), 5), Text(null(), 0)],
};

const NOTHING: Buf = Buf(null(), 0, null_mut(), None);
const EMPTY_LIST: Buf = Buf([0u8; 4].as_ptr(), 4, null_mut(), None);
const NO_OBJECT: Object = Object(null_mut(), null());

static TABLE: Table = Table {
    size: if cfg!(only_header) {
        24
    } else if cfg!(make_size) {
        3
    } else {
        size_of::<Table>()
    },
    kind: if cfg!(make_kind) { 6 } else { 5 },
    drop: Some(end),
    send: Some(send),
};

/// An error of a kind or phase that nobody knows; the rest is right.
static ERROR: [u8; 24] = [20, 0, 0, 0, 99, 1, 1, 2, 0, 0, 0, b'n', b'o', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

unsafe extern "C" fn make(host: Object, settings: Object) -> Answer {
    let _leaked = (host, settings);
    let transport = Object(&raw const TABLE as *mut (), &TABLE);
    if cfg!(make_status) {
        Answer(99, NOTHING, NO_OBJECT)
    } else if cfg!(make_pending) {
        Answer(0, NOTHING, NO_OBJECT)
    } else if cfg!(make_nothing) {
        Answer(1, EMPTY_LIST, NO_OBJECT)
    } else if cfg!(make_keys) {
        Answer(1, Buf([0xffu8; 4].as_ptr(), 4, null_mut(), None), transport)
    } else if cfg!(make_error) {
        Answer(2, Buf(ERROR.as_ptr(), 24, null_mut(), None), NO_OBJECT)
    } else if cfg!(make_length) {
        Answer(2, Buf(ERROR.as_ptr(), usize::MAX, null_mut(), None), NO_OBJECT)
    } else {
        Answer(1, EMPTY_LIST, transport)
    }
}

unsafe extern "C" fn check(_: u32, _: Text) -> Answer {
    Answer(99, NOTHING, NO_OBJECT)
}

unsafe extern "C" fn end(_: *mut ()) -> u32 {
    if cfg!(drop_fails) { 3 } else { 0 }
}

unsafe extern "C" fn send(data: *mut (), letter: Buf, body: Object) -> Future {
    let _leaked = (letter, body);
    let data = if cfg!(null_future) { null_mut() } else { data };
    Future(data, if cfg!(null_poll) { None } else { Some(poll) }, Some(end))
}

unsafe extern "C" fn poll(_: *mut (), _: *const ()) -> Answer {
    if cfg!(send_status) {
        Answer(77, NOTHING, NO_OBJECT)
    } else if cfg!(send_pending) {
        Answer(0, NOTHING, NO_OBJECT)
    } else if cfg!(send_error) {
        Answer(2, Buf(ERROR.as_ptr(), 24, null_mut(), None), NO_OBJECT)
    } else {
        // No receipt.
        Answer(1, EMPTY_LIST, NO_OBJECT)
    }
}
