//! Publish and subscribe, between connections of several threads, and keyspace notifications.

use crate::{eventually, library, server};

#[test]
fn channels_and_patterns() {
    let server = server(&[]);
    let (mut listener, mut speaker) = (server.connect(), server.connect());
    listener.send_line("SUBSCRIBE one two");
    assert_eq!(listener.shown(), "[\"subscribe\" \"one\" :1]");
    assert_eq!(listener.shown(), "[\"subscribe\" \"two\" :2]");
    assert_eq!(listener.run("PSUBSCRIBE o*"), "[\"psubscribe\" \"o*\" :3]");
    assert_eq!(speaker.run("PUBLISH one hello"), ":2");
    assert_eq!(listener.shown(), "[\"message\" \"one\" \"hello\"]");
    assert_eq!(listener.shown(), "[\"pmessage\" \"o*\" \"one\" \"hello\"]");
    assert!(listener.run("GET k").starts_with("-ERR Can't execute 'get'"));
    assert_eq!(listener.run("PING hi"), "[\"pong\" \"hi\"]");
    assert_eq!(speaker.run("PUBSUB NUMSUB one none"), "[\"one\" :1 \"none\" :0]");
    assert_eq!(speaker.run("PUBSUB NUMPAT"), ":1");
    assert_eq!(listener.run("UNSUBSCRIBE one"), "[\"unsubscribe\" \"one\" :2]");
    assert_eq!(speaker.run("PUBLISH one again"), ":1");
    assert_eq!(listener.shown(), "[\"pmessage\" \"o*\" \"one\" \"again\"]");
    drop(listener);
    eventually("subscriptions end with their connection", || {
        speaker.run("PUBSUB CHANNELS") == "[]" && speaker.run("PUBSUB NUMPAT") == ":0"
    });
}

#[test]
fn pushes_of_resp3() {
    let server = server(&[]);
    let (mut listener, mut speaker) = (server.connect(), server.connect());
    listener.run("HELLO 3");
    assert_eq!(listener.run("SUBSCRIBE c"), ">[\"subscribe\" \"c\" :1]");
    assert_eq!(listener.run("SET k v"), "+OK", "other commands work meanwhile");
    assert_eq!(speaker.run("PUBLISH c x"), ":1");
    assert_eq!(listener.shown(), ">[\"message\" \"c\" \"x\"]");
    assert_eq!(listener.run("SSUBSCRIBE s"), ">[\"ssubscribe\" \"s\" :1]");
    assert_eq!(speaker.run("SPUBLISH s x"), ":1");
    assert_eq!(listener.shown(), ">[\"smessage\" \"s\" \"x\"]");
}

#[test]
fn a_library_listens() {
    let server = server(&[]);
    let mut connection = library(&server);
    let mut speaker = server.connect();
    let mut listener = connection.as_pubsub();
    listener.psubscribe("news.*").expect("PSUBSCRIBE");
    assert_eq!(speaker.run("PUBLISH news.today sun"), ":1");
    let message = listener.get_message().expect("a message");
    assert_eq!(message.get_channel_name(), "news.today");
    assert_eq!(message.get_payload::<String>().expect("text"), "sun");
}

#[test]
fn all_listeners_see_one_order() {
    const EACH: usize = 500;
    let server = server(&[]);
    let mut listeners: Vec<_> = (0..4).map(|_| server.connect()).collect();
    listeners.iter_mut().for_each(|l| drop(l.run("SUBSCRIBE c")));
    std::thread::scope(|scope| {
        for speaker in 0..3 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                for n in 0..EACH {
                    assert_eq!(client.run(&format!("PUBLISH c {speaker}:{n}")), ":4");
                }
            });
        }
    });
    let mut heard = listeners.iter_mut().map(|l| (0..3 * EACH).map(|_| l.shown()).collect());
    let first: Vec<String> = heard.next().expect("four listeners");
    assert!(heard.all(|other| other == first));
}

#[test]
fn events_of_keys() {
    let server = server(&["--notify-keyspace-events", "KEA"]);
    let (mut listener, mut client) = (server.connect(), server.connect());
    listener.run("PSUBSCRIBE __key*@0__:*");
    assert_eq!(client.run("SET k v PX 30"), "+OK");
    let pattern = "[\"pmessage\" \"__key*@0__:*\"";
    let mut expect = |channel: &str, payload: &str| {
        assert_eq!(listener.shown(), format!("{pattern} \"{channel}\" \"{payload}\"]"));
    };
    expect("__keyspace@0__:k", "set");
    expect("__keyevent@0__:set", "k");
    expect("__keyspace@0__:k", "expire");
    expect("__keyevent@0__:expire", "k");
    expect("__keyspace@0__:k", "expired");
    expect("__keyevent@0__:expired", "k");
    assert_eq!(client.run("CONFIG SET notify-keyspace-events Eh"), "+OK");
    assert_eq!(client.run("SET k v"), "+OK");
    assert_eq!(client.run("HSET h f v"), ":1");
    expect("__keyevent@0__:hset", "h");
}

#[test]
fn notifications_name_the_fields_of_hashes() {
    let server = server(&["--notify-keyspace-events", "STIVh"]);
    let (mut listener, mut speaker) = (server.connect(), server.connect());
    listener.run("PSUBSCRIBE __subkey*");
    let mut heard = |channels: &[(&str, &str)]| {
        for (channel, payload) in channels {
            let expected = format!("[\"pmessage\" \"__subkey*\" \"{channel}\" \"{payload}\"]");
            assert_eq!(listener.shown(), expected);
        }
    };
    speaker.run("HSET myhash field1 val1 f2 val2");
    heard(&[
        ("__subkeyspace@0__:myhash", "hset|6:field1,2:f2"),
        ("__subkeyevent@0__:hset", "6:myhash|6:field1,2:f2"),
        ("__subkeyspaceitem@0__:myhash\\nfield1", "hset"),
        ("__subkeyspaceitem@0__:myhash\\nf2", "hset"),
        ("__subkeyspaceevent@0__:hset|myhash", "6:field1,2:f2"),
    ]);
    speaker.run("CONFIG SET notify-keyspace-events Sh");
    for (line, payload) in [
        ("HSETNX myhash n 1", "hset|1:n"),
        ("HSETNX myhash n 1", ""),
        ("HINCRBY myhash n 1", "hincrby|1:n"),
        ("HINCRBYFLOAT myhash n 1", "hincrbyfloat|1:n"),
        ("HEXPIRE myhash 100 FIELDS 3 n f2 none", "hexpire|1:n,2:f2"),
        ("HPERSIST myhash FIELDS 2 n field1", "hpersist|1:n"),
        ("HGETEX myhash PERSIST FIELDS 1 f2", "hpersist|2:f2"),
        ("HGETDEL myhash FIELDS 2 f2 none", "hdel|2:f2"),
        ("HDEL myhash none n", "hdel|1:n"),
        ("HPEXPIRE myhash 1 FIELDS 1 field1", "hexpire|6:field1"),
        ("PING", "hexpired|6:field1"),
    ] {
        speaker.run(line);
        if !payload.is_empty() {
            heard(&[("__subkeyspace@0__:myhash", payload)]);
        }
    }
}
