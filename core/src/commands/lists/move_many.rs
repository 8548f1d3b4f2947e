//! LMOVEM and BLMOVEM: several elements from one list to another.

use super::super::parts::{deadline, positive};
use super::{LIST, MOVE, add, end_of, removed};
use crate::command::{Ctx, Flags, Flow, Mode, Outcome, Spec};
use crate::error::CmdError;
use crate::reply::Reply;
use crate::types::list::{End, List};

/// The commands of this file.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "lmovem",
        arity: -5,
        flags: Flags::WRITE.or(Flags::DENYOOM),
        keys: MOVE,
        since: "8.10.0",
        summary: "Moves elements from one end of a list to an end of another and returns them",
        complexity: "O(N) in the number of elements moved",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> \
                 [<COUNT count | EXACTLY exactly> <OBO | BULK>]",
        handler: lmovem,
        ..LIST
    },
    Spec {
        name: "blmovem",
        arity: -6,
        flags: Flags::WRITE.or(Flags::DENYOOM.or(Flags::BLOCKING)),
        keys: MOVE,
        since: "8.10.0",
        summary: "Moves elements from one end of a list to an end of another, or waits for them",
        complexity: "O(N) in the number of elements moved",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout \
                 [<COUNT count | EXACTLY exactly> <OBO | BULK>]",
        handler: blmovem,
        ..LIST
    },
];

/// What is to be moved, and how.
struct Move<'a> {
    source: &'a [u8],
    destination: &'a [u8],
    from: (End, &'a [u8]),
    to: (End, &'a [u8]),
    count: usize,
    /// Fewer than `count` are not moved.
    exactly: bool,
    /// The elements keep their order; otherwise they are moved one by one.
    bulk: bool,
}

impl<'a> Move<'a> {
    /// `how` are the words after the ends and the time-out.
    fn parse(args: &[&'a [u8]], how: &[&[u8]]) -> Result<Self, CmdError> {
        let mut moved = Self {
            source: args[1],
            destination: args[2],
            from: (end_of(args[3])?, args[3]),
            to: (end_of(args[4])?, args[4]),
            count: 1,
            exactly: false,
            bulk: false,
        };
        let [selector, count, order] = how else {
            return if how.is_empty() { Ok(moved) } else { Err(CmdError::SYNTAX) };
        };
        moved.exactly = either(selector, b"COUNT", b"EXACTLY")?;
        moved.bulk = either(order, b"OBO", b"BULK")?;
        moved.count = positive(count, "ERR count should be greater than 0")?;
        Ok(moved)
    }

    /// How many elements can be moved now; `None` when there are too few.
    fn available(&self, ctx: &mut Ctx<'_, '_>) -> Result<Option<usize>, CmdError> {
        let len = ctx.space.object_mut::<List>(self.source)?.map_or(0, |list| list.len());
        let least = if self.exactly { self.count } else { 1 };
        Ok((len >= least).then(|| len.min(self.count)))
    }

    /// Moves so many elements and answers with them in the order of the destination.
    fn run(&self, ctx: &mut Ctx<'_, '_>, count: usize) -> Result<(), CmdError> {
        // Nothing may be changed if there is no list to push to.
        ctx.space.object_mut::<List>(self.destination)?;
        let Some(list) = ctx.space.object_mut::<List>(self.source)? else { return Ok(()) };
        let mut popped: Vec<Vec<u8>> = (0..count).filter_map(|_| list.pop(self.from.0)).collect();
        // In the order in which they are pushed: a block that keeps its order is pushed from the
        // far end.
        if self.bulk && self.from.0 == self.to.0 {
            popped.reverse();
        }
        let pushed: Vec<&[u8]> = popped.iter().map(Vec::as_slice).collect();
        add(ctx, self.destination, &pushed, self.to.0)?;
        removed(ctx, self.source, super::names(self.from.0).1)?;
        self.state(ctx, count);
        ctx.reply.array(pushed.len());
        match self.to.0 {
            End::Left => pushed.iter().rev().for_each(|element| ctx.reply.bulk(element)),
            End::Right => pushed.iter().for_each(|element| ctx.reply.bulk(element)),
        }
        Ok(())
    }

    fn state(&self, ctx: &mut Ctx<'_, '_>, count: usize) {
        let mut number = itoa::Buffer::new();
        ctx.space.effect(&[
            b"LMOVEM",
            self.source,
            self.destination,
            self.from.1,
            self.to.1,
            b"COUNT",
            number.format(count).as_bytes(),
            if self.bulk { b"BULK" } else { b"OBO" },
        ]);
    }
}

/// Whether a word is the second of two keywords.
fn either(word: &[u8], first: &[u8], second: &[u8]) -> Result<bool, CmdError> {
    let is_second = word.eq_ignore_ascii_case(second);
    if is_second || word.eq_ignore_ascii_case(first) {
        Ok(is_second)
    } else {
        Err(CmdError::SYNTAX)
    }
}

fn lmovem(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let wanted = Move::parse(args, &args[5..])?;
    match wanted.available(ctx)? {
        Some(count) => wanted.run(ctx, count)?,
        None if wanted.exactly => ctx.reply.null_array(),
        None => ctx.reply.array(0),
    }
    Ok(Flow::Done)
}

fn blmovem(ctx: &mut Ctx<'_, '_>, args: &[&[u8]]) -> Outcome {
    let wanted = Move::parse(args, &args[6..])?;
    let until = deadline(ctx, args[5])?;
    let available = match wanted.available(ctx) {
        // What has come to be at the key does not end a wait that has begun.
        Err(_) if ctx.mode == Mode::Serving => None,
        available => available?,
    };
    let Some(count) = available else {
        return ctx.block(&[wanted.source], until, Reply::null_array);
    };
    match wanted.run(ctx, count) {
        // The wait is over all the same: the client gets the error.
        Err(error) if ctx.mode == Mode::Serving => ctx.reply.error(error.text()),
        result => result?,
    }
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;

    #[test]
    fn elements_arrive_one_by_one_or_as_a_block() {
        let mut bench = Bench::new();
        let mut client = bench.client();
        bench.script(
            &mut client,
            "RPUSH l 1 2 3 4 -> :4
             LMOVEM l m LEFT LEFT COUNT 2 OBO -> *2 $1 2 $1 1
             LRANGE m 0 -1 -> *2 $1 2 $1 1
             LMOVEM l m LEFT LEFT EXACTLY 5 BULK -> *-1
             LMOVEM l m RIGHT RIGHT COUNT 9 BULK -> *2 $1 3 $1 4
             EXISTS l -> :0
             LRANGE m 0 -1 -> *4 $1 2 $1 1 $1 3 $1 4
             LMOVEM m m LEFT LEFT EXACTLY 3 BULK -> *3 $1 2 $1 1 $1 3
             LMOVEM m m LEFT LEFT EXACTLY 2 OBO -> *2 $1 1 $1 2
             LMOVEM m m RIGHT LEFT COUNT 2 BULK -> *2 $1 3 $1 4
             LMOVEM m m RIGHT LEFT COUNT 2 OBO -> *2 $1 1 $1 2
             LMOVEM m l LEFT RIGHT -> *1 $1 1
             LMOVEM nope l LEFT RIGHT -> *0
             LMOVEM nope l LEFT RIGHT EXACTLY 1 OBO -> *-1
             LMOVEM m l LEFT RIGHT COUNT 1 -> -ERR syntax error
             LMOVEM m l LEFT RIGHT COUNT 0 OBO -> -ERR count should be greater than 0
             LMOVEM m l LEFT UP -> -ERR syntax error
             SET s 1 -> +OK
             LMOVEM m s LEFT LEFT -> -WRONGTYPE Operation against a key holding the wrong kind of value
             LRANGE m 0 -1 -> *3 $1 2 $1 3 $1 4",
        );
        assert_eq!(bench.effects()[1], "LMOVEM l m LEFT LEFT COUNT 2 OBO");
    }

    #[test]
    fn a_wait_for_exactly_so_many_lets_others_pass() {
        let bench = Bench::new();
        let (mut writer, mut many, mut one) = (bench.client(), bench.client(), bench.client());
        let words = "BLMOVEM l m LEFT RIGHT 0 EXACTLY 3 BULK";
        assert_eq!(bench.run(&mut many, words), "(blocked)");
        bench.run(&mut writer, "RPUSH l 1 2");
        assert_eq!(many.mail(), None);
        bench.run(&mut writer, "RPUSH l 3 4");
        assert_eq!(many.mail().unwrap(), "*3 $1 1 $1 2 $1 3");
        bench.run(&mut writer, "DEL l");
        assert_eq!(bench.run(&mut many, words), "(blocked)");
        assert_eq!(bench.run(&mut one, "BLPOP l 0"), "(blocked)");
        bench.run(&mut writer, "RPUSH l 9");
        assert_eq!(one.mail().unwrap(), "*2 $1 l $1 9");
        assert_eq!(bench.time_out(&mut many).unwrap(), "*-1");
        bench.script(
            &mut writer,
            "MULTI -> +OK
             BLMOVEM l m LEFT RIGHT 0 EXACTLY 3 BULK -> +QUEUED
             EXEC -> *1 *-1",
        );
    }
}
