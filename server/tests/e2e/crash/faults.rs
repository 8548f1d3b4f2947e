//! Disks that fill up, and break.
