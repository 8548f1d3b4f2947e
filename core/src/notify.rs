//! Keyspace notifications: the classes of events and the letters that select them in
//! `notify-keyspace-events`.

/// A set of event classes, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Class(u32);

impl Class {
    /// `K`: publish to `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: Self = Self(1);
    /// `E`: publish to `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// `g`: commands of no type, such as DEL and EXPIRE.
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`: strings.
    pub const STRING: Self = Self(1 << 3);
    /// `l`: lists.
    pub const LIST: Self = Self(1 << 4);
    /// `s`: sets.
    pub const SET: Self = Self(1 << 5);
    /// `h`: hashes.
    pub const HASH: Self = Self(1 << 6);
    /// `z`: sorted sets.
    pub const ZSET: Self = Self(1 << 7);
    /// `x`: a key expired.
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`: a key was evicted.
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`: streams.
    pub const STREAM: Self = Self(1 << 10);
    /// `m`: a read found no key; not part of `A`.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// `d`: values of modules.
    pub const MODULE: Self = Self(1 << 12);
    /// `n`: a key was created; not part of `A`.
    pub const NEW: Self = Self(1 << 13);
    /// `o`: a key was overwritten; not part of `A`.
    pub const OVERWRITTEN: Self = Self(1 << 14);
    /// `c`: a key's type changed; not part of `A`.
    pub const TYPE_CHANGED: Self = Self(1 << 15);
    /// `a`: arrays.
    pub const ARRAY: Self = Self(1 << 17);
    /// Changes of keys that a client may have cached: not part of `notify-keyspace-events`, but of
    /// the same word, so that a change asks for both with one load. See
    /// [`crate::tuning::Tuning::set_invalidates`].
    pub const INVALIDATION: Self = Self(1 << 16);
    /// `S`: publish elements to `__subkeyspace@<db>__:<key>`; none of these four is part of `A`.
    pub const SUBKEYSPACE: Self = Self(1 << 18);
    /// `T`: publish elements to `__subkeyevent@<db>__:<event>`.
    pub const SUBKEYEVENT: Self = Self(1 << 19);
    /// `I`: publish each element to `__subkeyspaceitem@<db>__:<key>\n<element>`.
    pub const SUBKEYSPACEITEM: Self = Self(1 << 20);
    /// `V`: publish elements to `__subkeyspaceevent@<db>__:<event>|<key>`.
    pub const SUBKEYSPACEEVENT: Self = Self(1 << 21);
    /// The channels of elements.
    pub const SUBKEYS: Self = Self(
        Self::SUBKEYSPACE.0
            | Self::SUBKEYEVENT.0
            | Self::SUBKEYSPACEITEM.0
            | Self::SUBKEYSPACEEVENT.0,
    );
    /// `A`: every class that is not left out of it.
    pub const ALL: Self = Self(
        Self::GENERIC.0
            | Self::STRING.0
            | Self::LIST.0
            | Self::SET.0
            | Self::HASH.0
            | Self::ZSET.0
            | Self::EXPIRED.0
            | Self::EVICTED.0
            | Self::STREAM.0
            | Self::ARRAY.0
            | Self::MODULE.0,
    );

    const LETTERS: &'static [(u8, Self)] = &[
        (b'A', Self::ALL),
        (b'g', Self::GENERIC),
        (b'$', Self::STRING),
        (b'l', Self::LIST),
        (b's', Self::SET),
        (b'h', Self::HASH),
        (b'z', Self::ZSET),
        (b'x', Self::EXPIRED),
        (b'e', Self::EVICTED),
        (b't', Self::STREAM),
        (b'a', Self::ARRAY),
        (b'd', Self::MODULE),
        (b'K', Self::KEYSPACE),
        (b'E', Self::KEYEVENT),
        (b'm', Self::KEY_MISS),
        (b'n', Self::NEW),
        (b'o', Self::OVERWRITTEN),
        (b'c', Self::TYPE_CHANGED),
        (b'S', Self::SUBKEYSPACE),
        (b'T', Self::SUBKEYEVENT),
        (b'I', Self::SUBKEYSPACEITEM),
        (b'V', Self::SUBKEYSPACEEVENT),
    ];

    /// Reads the value of `notify-keyspace-events`; `None` when a letter is unknown.
    pub fn parse(letters: &str) -> Option<Self> {
        letters.bytes().try_fold(Self::default(), |set, letter| {
            let class = Self::LETTERS.iter().find(|(l, _)| *l == letter)?.1;
            Some(Self(set.0 | class.0))
        })
    }

    /// The letters of the set, `A` standing for all that it covers.
    pub fn letters(self) -> String {
        let mut left = self.0;
        let mut out = String::new();
        for (letter, class) in Self::LETTERS {
            if left & class.0 == class.0 {
                out.push(char::from(*letter));
                left &= !class.0;
            }
        }
        out
    }

    /// Whether all classes of `other` are in the set.
    #[inline]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any class of `other` is in the set.
    #[inline]
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The set as bits.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The set of these bits.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_survive_the_round_trip() {
        for text in ["", "AKE", "KEA", "g$lK", "Exm", "STIVh"] {
            let set = Class::parse(text).unwrap();
            assert_eq!(Class::parse(&set.letters()), Some(set));
        }
        assert_eq!(Class::parse("KEg$lshzxetda").unwrap().letters(), "AKE");
        assert_eq!(Class::parse("q"), None);
    }
}
