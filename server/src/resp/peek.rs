//! Looking ahead: the likely keys of requests that have arrived but were not read yet.
//!
//! It only has to be right often enough to be worth a prefetch, so it knows multibulk requests,
//! takes the first argument for the key, and gives up at the first surprise.

/// Calls `found` with the first argument of each of the next `most` requests that are whole.
pub fn keys<'a>(bytes: &'a [u8], most: usize, mut found: impl FnMut(&'a [u8])) {
    let mut rest = bytes;
    for _ in 0..most {
        let Some((args, mut after)) = header(rest, b'*') else { return };
        for at in 0..args {
            let Some((len, body)) = header(after, b'$') else { return };
            let Some(next) = body.get(len + 2..) else { return };
            if at == 1 {
                found(&body[..len]);
            }
            after = next;
        }
        rest = after;
    }
}

/// Reads `<mark><digits>\r\n`; longer numbers than a likely request has are a surprise.
#[inline]
fn header(bytes: &[u8], mark: u8) -> Option<(usize, &[u8])> {
    if *bytes.first()? != mark {
        return None;
    }
    let mut number = 0;
    for (at, &byte) in bytes.iter().enumerate().take(7).skip(1) {
        match byte {
            b'0'..=b'9' => number = number * 10 + usize::from(byte - b'0'),
            b'\r' => return Some((number, bytes.get(at + 2..)?)),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::keys;

    fn found(bytes: &[u8], most: usize) -> Vec<&[u8]> {
        let mut out = Vec::new();
        keys(bytes, most, |key| out.push(key));
        out
    }

    #[test]
    fn the_first_arguments_of_whole_requests_are_found() {
        let bytes = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$2\r\nbc\r\n*2\r\n$3\r\nGE";
        assert_eq!(found(bytes, 16), [&b"a"[..], b"bc"]);
        assert_eq!(found(bytes, 1), [&b"a"[..]]);
        assert!(found(b"GET a\r\n", 16).is_empty());
        assert!(found(b"*2\r\n$-1\r\n", 16).is_empty());
        assert!(found(b"*2\r\n$3\r\nGET\r\n$999999\r\na\r\n", 16).is_empty());
    }
}
