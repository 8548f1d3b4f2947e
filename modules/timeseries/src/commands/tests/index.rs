//! Series by label, and the label index in step with the keyspace.

use super::Client;

const SERIES: &str = "TS.CREATE a LABELS x 1 y 2
    TS.CREATE empty LABELS x 1
    TS.MADD a 1 1.5 a 5 1 -> *2 :1 :5";

#[test]
fn series_are_found_by_label() {
    let mut client = Client::new();
    client.check(SERIES);
    client.check(
        "TS.MRANGE -> -ERR wrong number of arguments for 'ts.mrange' command
         TS.MRANGE - + -> -ERR wrong number of arguments for 'ts.mrange' command
         TS.MRANGE - + FILTER -> -ERR TSDB: missing labels for filter argument
         TS.MRANGE - + FILTER x!=1 -> -ERR TSDB: please provide at least one matcher
         TS.MGET FILTER -> -ERR wrong number of arguments for 'ts.mget' command
         TS.MGET foo -> -ERR wrong number of arguments for 'ts.mget' command
         TS.QUERYINDEX -> -ERR wrong number of arguments for 'ts.queryindex' command
         TS.QUERYINDEX foo -> -ERR TSDB: failed parsing labels
         TS.QUERYINDEX x=1 -> *2 $1 a $5 empty
         TS.QUERYINDEX x=1 y!=2 -> *1 $5 empty
         TS.QUERYINDEX x=nothing -> *0
         TS.MGET WITHLABELS FILTER x=1 -> *2 *3 $1 a *2 *2 $1 x $1 1 *2 $1 y $1 2 *2 :5 +1 *3 $5 empty *1 *2 $1 x $1 1 *0
         TS.MGET FILTER x=1 -> *2 *3 $1 a *0 *2 :5 +1 *3 $5 empty *0 *0
         TS.MGET SELECTED_LABELS x zz FILTER y=2 -> *1 *3 $1 a *2 *2 $1 x $1 1 *2 $2 zz $-1 *2 :5 +1
         TS.MGET FILTER x=nothing -> *0
         TS.MRANGE - + WITHLABELS FILTER x=1 -> *2 *3 $1 a *2 *2 $1 x $1 1 *2 $1 y $1 2 *2 *2 :1 +1.5 *2 :5 +1 *3 $5 empty *1 *2 $1 x $1 1 *0
         TS.MREVRANGE - + COUNT 1 FILTER y=2 -> *1 *3 $1 a *0 *1 *2 :5 +1
         TS.MRANGE - + SELECTED_LABELS x zz AGGREGATION avg 10 FILTER x=1 -> *2 *3 $1 a *2 *2 $1 x $1 1 *2 $2 zz $-1 *1 *2 :0 +1.25 *3 $5 empty *2 *2 $1 x $1 1 *2 $2 zz $-1 *0",
    );
    let mut client = Client::resp3();
    client.check(SERIES);
    client.check(
        "TS.QUERYINDEX x=1 -> ~2 $1 a $5 empty
         TS.MGET WITHLABELS FILTER x=1 -> %2 $1 a *2 %2 $1 x $1 1 $1 y $1 2 *2 :5 ,1 $5 empty *2 %1 $1 x $1 1 *0
         TS.MGET SELECTED_LABELS x zz FILTER y=2 -> %1 $1 a *2 %2 $1 x $1 1 $2 zz _ *2 :5 ,1
         TS.MRANGE - + WITHLABELS FILTER x=1 -> %2 $1 a *3 %2 $1 x $1 1 $1 y $1 2 %1 $11 aggregators *0 *2 *2 :1 ,1.5 *2 :5 ,1 $5 empty *3 %1 $1 x $1 1 %1 $11 aggregators *0 *0
         TS.MRANGE - + SELECTED_LABELS zz AGGREGATION avg 10 FILTER y=2 -> %1 $1 a *3 %1 $2 zz _ %1 $11 aggregators *1 $3 avg *1 *2 :0 ,1.25
         TS.MRANGE - + FILTER x=nothing -> %0",
    );
}

#[test]
fn groups_are_reduced() {
    let mut client = Client::new();
    client.check(SERIES);
    client.check(
        "TS.MRANGE - + FILTER x=1 GROUPBY x REDUCE max -> *1 *3 $3 x=1 *0 *2 *2 :1 +1.5 *2 :5 +1
         TS.MRANGE - + WITHLABELS FILTER x=1 GROUPBY x REDUCE max -> *1 *3 $3 x=1 *3 *2 $1 x $1 1 *2 $11 __reducer__ $3 max *2 $10 __source__ $7 a,empty *2 *2 :1 +1.5 *2 :5 +1
         TS.MRANGE - + SELECTED_LABELS x zz FILTER x=1 GROUPBY x REDUCE max -> *1 *3 $3 x=1 *2 *2 $1 x $1 1 *2 $2 zz $-1 *2 *2 :1 +1.5 *2 :5 +1
         TS.MRANGE - + AGGREGATION min 10 FILTER x=1 GROUPBY x REDUCE std.p -> *1 *3 $3 x=1 *0 *1 *2 :0 +0
         TS.MRANGE - + FILTER x=1 GROUPBY qq REDUCE max -> *0
         TS.CREATE b LABELS x 1
         TS.MADD b 1 4 b 7 1 -> *2 :1 :7
         TS.MRANGE - + COUNT 1 FILTER x=1 GROUPBY x REDUCE sum -> *1 *3 $3 x=1 *0 *1 *2 :1 +5.5
         TS.MREVRANGE - + COUNT 2 FILTER x=1 GROUPBY x REDUCE sum -> *1 *3 $3 x=1 *0 *2 *2 :7 +1 *2 :5 +1",
    );
    let mut client = Client::resp3();
    client.check(SERIES);
    client.check(
        "TS.MRANGE - + FILTER x=1 GROUPBY x REDUCE max -> %1 $3 x=1 *4 %0 %1 $8 reducers *1 $3 max %1 $7 sources *2 $1 a $5 empty *2 *2 :1 ,1.5 *2 :5 ,1
         TS.MRANGE - + WITHLABELS FILTER y=2 GROUPBY x REDUCE max -> %1 $3 x=1 *4 %1 $1 x $1 1 %1 $8 reducers *1 $3 max %1 $7 sources *1 $1 a *2 *2 :1 ,1.5 *2 :5 ,1
         TS.MRANGE - + SELECTED_LABELS x zz FILTER y=2 GROUPBY x REDUCE max -> %1 $3 x=1 *4 %2 $1 x $1 1 $2 zz _ %1 $8 reducers *1 $3 max %1 $7 sources *1 $1 a *2 *2 :1 ,1.5 *2 :5 ,1",
    );
}

#[test]
fn the_index_follows_keys() {
    let mut client = Client::new();
    client.check(
        "TS.CREATE a LABELS x 1
         TS.CREATE b LABELS x 1
         RENAME a c
         TS.QUERYINDEX x=1 -> *2 $1 b $1 c
         COPY c d -> :1
         TS.QUERYINDEX x=1 -> *3 $1 b $1 c $1 d
         DEL c -> :1
         TS.QUERYINDEX x=1 -> *2 $1 b $1 d
         RENAME b d
         TS.QUERYINDEX x=1 -> *1 $1 d
         TS.ALTER d LABELS x 2
         TS.QUERYINDEX x=1 -> *0
         TS.QUERYINDEX x=2 -> *1 $1 d
         PEXPIREAT d 1 -> :1
         TS.QUERYINDEX x=2 -> *0
         TS.CREATE e LABELS x 1
         SET e 1
         TS.QUERYINDEX x=1 -> *0
         TS.ADD f 1 1 LABELS x 1 -> :1
         MULTI
         RENAME f g -> +QUEUED
         TS.QUERYINDEX x=1 -> +QUEUED
         TS.MGET FILTER x=1 -> +QUEUED
         EXEC -> *3 +OK *1 $1 g *1 *3 $1 g *0 *2 :1 +1",
    );
}

#[test]
fn databases_have_their_own_index() {
    let mut client = Client::new();
    client.check(
        "TS.CREATE a LABELS x 1
         TS.CREATE b LABELS x 1
         MOVE a 1 -> :1
         TS.QUERYINDEX x=1 -> *1 $1 b
         SELECT 1
         TS.QUERYINDEX x=1 -> *1 $1 a
         SWAPDB 0 1
         TS.QUERYINDEX x=1 -> *1 $1 b
         TS.ALTER b LABELS x 3
         TS.QUERYINDEX x=3 -> *1 $1 b
         RENAME b bb
         TS.QUERYINDEX x=3 -> *1 $2 bb
         FLUSHDB
         TS.QUERYINDEX x=3 -> *0
         SELECT 0
         TS.QUERYINDEX x=1 -> *1 $1 a
         FLUSHALL
         TS.QUERYINDEX x=1 -> *0
         TS.CREATE a LABELS x 1
         TS.QUERYINDEX x=1 -> *1 $1 a",
    );
}

#[test]
fn many_series_are_asked_in_portions() {
    let mut client = Client::new();
    let keys: Vec<String> = (0..300).map(|i| format!("key{i:03}")).collect();
    for key in &keys {
        client.check(&format!("TS.ADD {key} 1 1 LABELS x 1 half {} -> :1", key.len() % 2));
    }
    let listed: Vec<String> = keys.iter().map(|key| format!("$6 {key}")).collect();
    assert_eq!(client.run("TS.QUERYINDEX x=1"), format!("*300 {}", listed.join(" ")));
    assert!(client.run("TS.MRANGE - + FILTER x=1").starts_with("*300 *3 $6 key000 *0 *1 *2 :1 +1"));
    client.check("TS.MRANGE - + FILTER x=1 GROUPBY x REDUCE sum -> *1 *3 $3 x=1 *0 *1 *2 :1 +300");
}
