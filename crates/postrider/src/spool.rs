//! A whole message, in memory or, when it is large, in a temporary file.

use bytes::Bytes;
use postrider_core::{Body, Error, ErrorKind, Phase, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Above this many bytes a message goes into a file.
const IN_MEMORY: usize = 1 << 20;

/// How much is read from the file at once.
const CHUNK: usize = 64 * 1024;

/// A message that has arrived whole: from here on nothing can cut it short. A large one (over 1 MiB) lies
/// in an unnamed temporary file that is gone when the last clone and [`body`](Self::body) are.
///
/// Files are written and read in the calling thread, as much at a time as a transport hands over (64 KiB
/// or so): that goes to the page cache and takes microseconds, where a thread pool would need a runtime
/// that this crate does without. A program that must not wait for a slow disk sets `TMPDIR` to memory.
#[derive(Clone, Debug)]
pub struct Spool {
    content: Content,
    length: u64,
}

#[derive(Clone, Debug)]
enum Content {
    Memory(Bytes),
    // The position is shared by all readers: each seeks, under the lock.
    File(Arc<Mutex<File>>),
}

impl Spool {
    /// Reads a body to its end.
    ///
    /// # Errors
    /// Whatever stopped the body short, or `Limit` if the temporary file can't be written.
    ///
    /// # Cancellation
    /// As that of the body.
    pub async fn read(body: Body<'_>) -> Result<Self> {
        Self::read_with(body, |_| {}).await
    }

    /// The same; each chunk is shown as it goes by.
    pub(crate) async fn read_with(mut body: Body<'_>, mut show: impl FnMut(&[u8]) + Send) -> Result<Self> {
        let (mut memory, mut file, mut length) = (Vec::new(), None, 0u64);
        while let Some(chunk) = body.chunk().await? {
            length = length.saturating_add(chunk.len() as u64);
            show(&chunk);
            if file.is_none() && length > IN_MEMORY as u64 {
                let mut opened = tempfile::tempfile().map_err(file_error)?;
                opened.write_all(&memory).map_err(file_error)?;
                memory = Vec::new();
                file = Some(opened);
            }
            match &mut file {
                Some(file) => file.write_all(&chunk).map_err(file_error)?,
                None => memory.extend_from_slice(&chunk),
            }
        }
        let content = match file {
            Some(file) => Content::File(Arc::new(Mutex::new(file))),
            None => Content::Memory(memory.into()),
        };
        Ok(Self { content, length })
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// True if there is not a single byte.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The whole message in memory; costs no copy if it is there already.
    ///
    /// # Errors
    /// `Limit` if the temporary file can't be read.
    pub fn bytes(&self) -> Result<Bytes> {
        match &self.content {
            Content::Memory(bytes) => Ok(bytes.clone()),
            Content::File(file) => {
                let mut bytes = Vec::new();
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(0)).map_err(file_error)?;
                file.read_to_end(&mut bytes).map_err(file_error)?;
                Ok(bytes.into())
            }
        }
    }

    /// The first bytes, at most so many.
    pub(crate) fn start(&self, most: usize) -> Result<Bytes> {
        match &self.content {
            Content::Memory(bytes) => Ok(bytes.slice(..bytes.len().min(most))),
            Content::File(file) => {
                let mut bytes = Vec::new();
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(0)).map_err(file_error)?;
                Read::by_ref(&mut *file).take(most as u64).read_to_end(&mut bytes).map_err(file_error)?;
                Ok(bytes.into())
            }
        }
    }

    /// The message as a body from its start, to be sent on in constant memory; as often as it takes.
    pub fn body(&self) -> Body<'static> {
        let body = match &self.content {
            Content::Memory(bytes) => Body::from_bytes(bytes.clone()),
            Content::File(file) => Body::generate((Arc::clone(file), 0), |(file, at)| async move {
                let chunk = read_at(&file, at)?;
                let next = at.saturating_add(chunk.len() as u64);
                Ok((!chunk.is_empty()).then_some((chunk, (file, next))))
            }),
        };
        body.with_size(self.length)
    }
}

fn read_at(file: &Mutex<File>, at: u64) -> Result<Bytes> {
    let mut chunk = vec![0; CHUNK];
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(at)).map_err(file_error)?;
    let n = file.read(&mut chunk).map_err(file_error)?;
    chunk.truncate(n);
    Ok(chunk.into())
}

fn file_error(error: std::io::Error) -> Error {
    Error::new(
        ErrorKind::Limit,
        Phase::Fetch,
        format!("the temporary file of a large message failed: {error}"),
    )
    .with_advice("make room in the temporary directory (TMPDIR)")
    .with_source(error)
}
