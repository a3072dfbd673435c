//! A file to which lines are added, each durable before it counts.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Bytes of one line with its end, at most.
pub(crate) const LINE_BYTES_MAX: usize = 4096;

/// Adds whole lines, and returns when they are durable. If that fails, none of them is there.
pub(crate) fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = open(path)?;
    mend(&mut file)?;
    let before = file.seek(SeekFrom::End(0))?;
    let written = file.write_all(lines).and_then(|()| file.sync_all());
    if written.is_err() {
        // What is half there would be taken for torn; nobody shall wonder.
        let _ = file.set_len(before);
    }
    written?;
    if is_new { sync_folder(path) } else { Ok(()) }
}

/// The last whole line, without its end; none in an empty file. What a crash tore off behind it goes.
pub(crate) fn last(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if !path.exists() {
        return Ok(None);
    }
    let mut file = open(path)?;
    mend(&mut file)?;
    let (end, _) = end_of(&mut file)?;
    let Some((_, whole)) = end.split_last() else { return Ok(None) };
    let begins = whole.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    Ok(whole.get(begins..).map(<[u8]>::to_vec))
}

/// The names in the folder are durable, too.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).append(true).create(true).mode(0o600).open(path)
}

/// Cuts off what stands behind the last end of a line: a write that a crash tore.
fn mend(file: &mut File) -> io::Result<()> {
    let (end, begins) = end_of(file)?;
    let whole = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole == end.len() {
        return Ok(());
    }
    if whole == 0 && begins > 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its end is no line; move the file away and look at it",
        ));
    }
    file.set_len(begins + whole as u64)?;
    file.sync_all()
}

/// The last bytes of a file, and where they begin.
fn end_of(file: &mut File) -> io::Result<(Vec<u8>, u64)> {
    let length = file.seek(SeekFrom::End(0))?;
    let begins = length.saturating_sub(2 * LINE_BYTES_MAX as u64);
    file.seek(SeekFrom::Start(begins))?;
    let mut end = Vec::new();
    file.take(2 * LINE_BYTES_MAX as u64).read_to_end(&mut end)?;
    Ok((end, begins))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn what_a_crash_tore_off_goes_before_the_next_line_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        assert_eq!(last(&path).unwrap(), None);
        append(&path, b"one\ntwo\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for torn in [&b""[..], b"t", b"three, but"] {
            let whole = fs::read(&path).unwrap();
            fs::write(&path, [&whole, torn].concat()).unwrap();
            assert_eq!(last(&path).unwrap(), Some(b"two".to_vec()));
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
        fs::write(&path, b"torn at the first").unwrap();
        append(&path, b"one\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\n");
    }

    #[test]
    fn a_file_that_holds_something_else_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        fs::write(&path, vec![b'x'; 3 * LINE_BYTES_MAX]).unwrap();
        assert!(append(&path, b"one\n").is_err());
        assert_eq!(fs::read(&path).unwrap().len(), 3 * LINE_BYTES_MAX);
    }
}
