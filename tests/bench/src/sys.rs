//! The few system calls that the standard library does not offer: epoll, CPU affinity, CPU clocks
//! and the limit on open files. All of the crate's `unsafe` stands here; no policy does.
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// What a registered descriptor waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Wake when bytes can be read.
    Read,
    /// Wake when bytes can be read, or written.
    ReadWrite,
}

impl Interest {
    fn bits(self) -> u32 {
        match self {
            Self::Read => libc::EPOLLIN as u32,
            Self::ReadWrite => (libc::EPOLLIN | libc::EPOLLOUT) as u32,
        }
    }
}

/// A level-triggered epoll instance.
pub struct Epoll(OwnedFd);

/// Room for the readiness that one [`Epoll::wait`] reports.
pub struct Events {
    slots: Vec<libc::epoll_event>,
    len: usize,
}

impl Events {
    /// Room for `capacity` events a wait.
    pub fn new(capacity: usize) -> Self {
        Self { slots: vec![libc::epoll_event { events: 0, u64: 0 }; capacity.max(1)], len: 0 }
    }

    /// How many descriptors the last wait reported.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The `index`-th event's token, and whether its descriptor may be written.
    pub fn get(&self, index: usize) -> (usize, bool) {
        let event = self.slots[index];
        (event.u64 as usize, event.events & libc::EPOLLOUT as u32 != 0)
    }
}

impl Epoll {
    /// A new, empty instance.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed; the result is checked before it is owned.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: `fd` is open, and nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Registers `fd` under `token`.
    pub fn add(&self, fd: RawFd, token: usize, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    /// Changes what `fd` waits for.
    pub fn modify(&self, fd: RawFd, token: usize, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    fn control(&self, op: i32, fd: RawFd, token: usize, interest: Interest) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.bits(), u64: token as u64 };
        // SAFETY: `event` lives through the call; the kernel checks both descriptors.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), op, fd, &mut event) }).map(|_| ())
    }

    /// Waits until something is ready or `timeout` is over (to the nanosecond, so that an open-loop
    /// schedule need not spin).
    pub fn wait(&self, events: &mut Events, timeout: Duration) -> io::Result<()> {
        let limit = timespec(timeout);
        // SAFETY: the event buffer is as long as the length passed with it, and `limit` lives
        // through the call; a null signal mask leaves the mask alone.
        let ready = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.0.as_raw_fd(),
                events.slots.as_mut_ptr(),
                events.slots.len() as libc::c_int,
                &raw const limit,
                ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        events.len = match check(ready as i32) {
            Ok(count) => count as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

/// Lets thread `tid` (0: the caller) run on processor `cpu` only.
pub fn pin(tid: i32, cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no such processor"));
    }
    // SAFETY: a `cpu_set_t` is a plain bit mask, for which all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { zeroed() };
    // SAFETY: `cpu` was checked against the size of the set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set lives through the call, and its size is passed with it.
    check(unsafe { libc::sched_setaffinity(tid, size_of::<libc::cpu_set_t>(), &set) }).map(|_| ())
}

/// CPU time that all threads of process `pid` have used, the finished ones included.
pub fn process_cpu(pid: i32) -> io::Result<Duration> {
    let mut clock = 0;
    // SAFETY: `clock` lives through the call.
    let error = unsafe { libc::clock_getcpuclockid(pid, &mut clock) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    read_clock(clock)
}

/// CPU time of the calling thread.
pub fn thread_cpu() -> Duration {
    read_clock(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or_default()
}

/// Makes timers of the calling thread exact: the default slack of 50 µs would shift every send of
/// an open-loop schedule.
pub fn exact_timers() {
    // SAFETY: this option takes one integer and no pointers.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1usize, 0usize, 0usize, 0usize) };
}

/// Raises the limit on open files to `wanted`, beyond the hard limit if we may, and returns what it
/// then is. Processes started later inherit it.
pub fn raise_open_files(wanted: u64) -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` lives through the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    let raised = libc::rlimit { rlim_cur: wanted, rlim_max: limit.rlim_max.max(wanted) };
    // SAFETY: `raised` lives through the call.
    if limit.rlim_cur >= wanted || unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raised) } == 0 {
        return Ok(limit.rlim_cur.max(wanted));
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` lives through the call.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) })?;
    Ok(limit.rlim_cur)
}

/// Asks process `pid` to end.
pub fn terminate(pid: i32) {
    // SAFETY: no pointers are passed; a process that is gone is no harm.
    unsafe { libc::kill(pid, libc::SIGTERM) };
}

fn read_clock(clock: libc::clockid_t) -> io::Result<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives through the call.
    check(unsafe { libc::clock_gettime(clock, &mut time) })?;
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(duration.subsec_nanos()),
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
