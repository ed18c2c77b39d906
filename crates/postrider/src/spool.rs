//! A whole message, in memory or, when it is large, in a temporary file.

use bytes::Bytes;
use postrider_core::{Body, Error, ErrorKind, Phase, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

/// Above this many bytes a message goes into a file.
const IN_MEMORY: usize = 1 << 20;

/// A message that has arrived whole: from here on nothing can cut it short. A large one lies in an unnamed
/// temporary file that is gone when this is dropped.
#[derive(Debug)]
pub struct Spool {
    content: Content,
    length: u64,
}

#[derive(Debug)]
enum Content {
    Memory(Vec<u8>),
    File(File),
}

impl Spool {
    /// Reads a body to its end.
    ///
    /// # Errors
    /// Whatever stopped the body short, or `Limit` if the temporary file can't be written.
    ///
    /// # Cancellation
    /// As that of the body.
    pub async fn read(mut body: Body<'_>) -> Result<Self> {
        let mut content = Content::Memory(Vec::new());
        let mut length = 0;
        while let Some(chunk) = body.chunk().await? {
            length += chunk.len() as u64;
            if let Content::Memory(bytes) = &mut content
                && bytes.len() + chunk.len() > IN_MEMORY
            {
                let mut file = tempfile::tempfile().map_err(file_error)?;
                file.write_all(bytes).map_err(file_error)?;
                content = Content::File(file);
            }
            match &mut content {
                Content::Memory(bytes) => bytes.extend_from_slice(&chunk),
                Content::File(file) => file.write_all(&chunk).map_err(file_error)?,
            }
        }
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

    /// The whole message in memory.
    ///
    /// # Errors
    /// `Limit` if the temporary file can't be read.
    pub fn bytes(&self) -> Result<Bytes> {
        match &self.content {
            Content::Memory(bytes) => Ok(Bytes::copy_from_slice(bytes)),
            Content::File(file) => {
                let mut bytes = Vec::new();
                rewound(file)?.read_to_end(&mut bytes).map_err(file_error)?;
                Ok(bytes.into())
            }
        }
    }

    /// The message as a body to be sent on, in constant memory.
    ///
    /// # Errors
    /// `Limit` if the temporary file can't be read.
    pub fn into_body(self) -> Result<Body<'static>> {
        let body = match self.content {
            Content::Memory(bytes) => Body::from_bytes(bytes),
            Content::File(file) => Body::generate(rewound(&file)?, |mut file| async move {
                let mut chunk = vec![0; 64 * 1024];
                let n = file.read(&mut chunk).map_err(file_error)?;
                chunk.truncate(n);
                Ok((n > 0).then(|| (Bytes::from(chunk), file)))
            }),
        };
        Ok(body.with_size(self.length))
    }
}

/// Another handle of the file, at its start.
fn rewound(file: &File) -> Result<File> {
    let mut file = file.try_clone().map_err(file_error)?;
    file.seek(SeekFrom::Start(0)).map_err(file_error)?;
    Ok(file)
}

fn file_error(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Limit, Phase::Fetch, format!("the temporary file of a large message failed: {error}"))
        .with_advice("make room in the temporary directory (TMPDIR)")
        .with_source(error)
}
