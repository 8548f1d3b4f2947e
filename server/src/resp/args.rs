//! A request's arguments, as ranges of the buffer that holds the request.

/// Where one argument lies, counted from the request's first byte, so that moving the request
/// within its buffer leaves it true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ArgRange {
    pub(super) start: usize,
    pub(super) len: usize,
}

/// The arguments of one request, the command's name first. Borrows the reader's buffer, copies
/// nothing, and is as cheap to pass on as two slices.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    request: &'a [u8],
    ranges: &'a [ArgRange],
}

impl<'a> Args<'a> {
    pub(super) fn new(request: &'a [u8], ranges: &'a [ArgRange]) -> Self {
        Self { request, ranges }
    }

    /// How many arguments there are, the command's name among them: at least one.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are none; never so in a request that the reader gave out.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The argument at `index`, the command's name being 0.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let range = self.ranges.get(index)?;
        self.request.get(range.start..range.start + range.len)
    }

    /// All arguments in order.
    pub fn iter(&self) -> Arguments<'a> {
        Arguments { request: self.request, ranges: self.ranges.iter() }
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = Arguments<'a>;

    fn into_iter(self) -> Arguments<'a> {
        self.iter()
    }
}

/// The iterator over [`Args`].
#[derive(Clone)]
pub struct Arguments<'a> {
    request: &'a [u8],
    ranges: std::slice::Iter<'a, ArgRange>,
}

impl<'a> Iterator for Arguments<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let range = self.ranges.next()?;
        self.request.get(range.start..range.start + range.len)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranges.size_hint()
    }
}

impl ExactSizeIterator for Arguments<'_> {}
