//! The commands on arrays: replies, effects and events.

use crate::testing::Bed;

#[test]
fn values_are_set_and_returned_by_index() {
    Bed::new().check(
        r#"
        ARSET a 0 hello -> 1
        ARSET a 2 a b c -> 3
        ARGET a 4 -> "c"
        ARGET a 1 -> nil
        ARGET none 1 -> nil
        ARMSET b 0 alpha 5 beta 100 gamma -> 3
        ARMSET b 0 alpha 5 -> ERR wrong number of arguments for 'armset' command
        ARMGET b 0 1 5 -> ["alpha" nil "beta"]
        ARLEN b -> 101
        ARCOUNT b -> 3
        ARLEN none -> 0
        ARSET b x v -> ERR invalid array index
        ARSET b 18446744073709551614 v -> 1
        ARSET b 18446744073709551614 v w -> ERR invalid array index
        ARSET b 18446744073709551615 v -> ERR invalid array index
        ARLEN b -> 18446744073709551615
        TYPE b -> array
        "#,
    );
}

#[test]
fn ranges_go_in_both_directions() {
    Bed::new().check(
        r#"
        ARMSET a 0 a 1 b 3 d
        ARGETRANGE a 0 3 -> ["a" "b" nil "d"]
        ARGETRANGE a 3 0 -> ["d" nil "b" "a"]
        ARGETRANGE none 0 3 -> []
        ARGETRANGE a 0 1000000 -> ERR range exceeds maximum of 1000000 elements
        ARSCAN a 0 10 -> [[0 "a"] [1 "b"] [3 "d"]]
        ARSCAN a 10 0 LIMIT 2 -> [[3 "d"] [1 "b"]]
        ARSCAN none 0 10 -> []
        ARDELRANGE a 1 0 0 1 -> 2
        ARDEL a 0 -> 0
        ARDEL a 3 3 -> 1
        EXISTS a -> 0
        "#,
    );
}

#[test]
fn the_cursor_moves_and_rings_start_over() {
    Bed::new().check(
        r#"
        ARNEXT log -> 0
        ARSEEK log 5 -> 0
        ARINSERT log alpha beta -> 1
        ARNEXT log -> 2
        ARSEEK log 10 -> 1
        ARINSERT log c -> 10
        ARSEEK log 18446744073709551614 -> 1
        ARINSERT log x y -> ERR insert index overflow
        ARINSERT log x -> 18446744073709551614
        ARNEXT log -> nil
        ARINSERT log x -> ERR insert index overflow
        ARRING r 3 v0 v1 v2 -> 2
        ARRING r 3 v3 -> 0
        ARLASTITEMS r 3 -> ["v1" "v2" "v3"]
        ARLASTITEMS r 2 REV -> ["v3" "v2"]
        ARLASTITEMS r 9 -> ["v1" "v2" "v3"]
        ARLASTITEMS none 9 -> []
        ARRING r 2 v4 -> 1
        ARGETRANGE r 0 3 -> ["v3" "v4" nil nil]
        ARRING r 0 v -> ERR ring size must be a positive integer
        "#,
    );
}

#[test]
fn values_are_found_by_their_text() {
    Bed::new().check(
        r#"
        ARMSET log 0 "boot: ok" 1 "warn: disk" 2 "ERROR: cpu" 3 "info: ready" 4 "error: net"
        ARGREP log - + MATCH error NOCASE -> [2 4]
        ARGREP log + - MATCH error NOCASE LIMIT 1 -> [4]
        ARGREP log 0 4 GLOB warn:* OR GLOB error:* -> [1 4]
        ARGREP log 0 4 RE "^[A-Za-z]+: (cpu|net)$" WITHVALUES -> [[2 "ERROR: cpu"] [4 "error: net"]]
        ARGREP log 0 4 EXACT "info: ready" -> [3]
        ARGREP log 0 4 MATCH r MATCH o AND -> [3 4]
        ARGREP log 0 4 RE ( -> ERR invalid regular expression
        ARGREP log 0 4 AND NOCASE -> ERR syntax error
        ARGREP none - + MATCH a -> []
        "#,
    );
}

#[test]
fn ranges_are_summed_up() {
    Bed::new().check(
        r#"
        ARMSET a 0 10 1 20 2 30 3 x 5 1.5
        AROP a 0 2 SUM -> "60"
        AROP a 5 0 SUM -> "61.5"
        AROP a 0 9 MIN -> "1.5"
        AROP a 0 9 MAX -> "30"
        AROP a 0 9 MATCH x -> 1
        AROP a 0 9 USED -> 5
        AROP a 3 4 SUM -> nil
        AROP a 0 2 AND -> 0
        AROP a 0 2 OR -> 30
        AROP a 4 5 XOR -> 1
        AROP none 0 9 USED -> 0
        AROP none 0 9 OR -> nil
        AROP a 0 9 FOO -> ERR syntax error
        AROP a 0 9 MATCH -> ERR syntax error
        "#,
    );
}

#[test]
fn an_array_tells_how_it_is_kept() {
    Bed::new().check(
        r#"
        ARMSET a 0 a 1 b 100 c
        ARINSERT a d -> 0
        ARINFO a -> ["count" 3 "len" 101 "next-insert-index" 1 "slices" 1 "directory-size" 1 "super-dir-entries" 0 "slice-size" 4096]
        ARINFO none -> ERR no such key
        "#,
    );
}

#[test]
fn changes_are_logged_and_published() {
    Bed::new().check_traces(
        r#"
        ARSET a 0 x -> ARSET a 0 x | new(a) arset(a)
        ARRING a 2 y -> ARRING a 2 y | arring(a)
        ARDEL a 7 -> |
        ARDEL a 0 -> ARDEL a 0 | ardel(a) del(a)
        "#,
    );
}
