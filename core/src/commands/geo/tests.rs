//! The commands on places, through the engine.

use super::super::testing::{Bench, Client};

fn sicily() -> (Bench, Client) {
    let bench = Bench::new();
    let mut client = bench.client();
    bench.script(
        &mut client,
        "GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania -> :2
         GEOADD Sicily 12.758489 38.788135 edge1 17.241510 38.788135 edge2 -> :2",
    );
    (bench, client)
}

#[test]
fn places_are_added_and_asked_for() {
    let (bench, mut client) = sicily();
    bench.script(
        &mut client,
        "ZSCORE Sicily Palermo -> $16 3479099956230698
         GEOADD Sicily NX 1 1 Palermo -> :0
         GEOADD Sicily CH XX 13.361389 38.2 Palermo -> :1
         GEOADD Sicily CH 13.361389 38.115556 Palermo -> :1
         GEOADD Sicily NX XX 1 1 a -> -ERR syntax error
         GEOADD Sicily 1 1 a 1 -> -ERR syntax error
         GEOADD Sicily x 1 a -> -ERR value is not a valid float
         GEOADD Sicily 181 1 a -> -ERR invalid longitude,latitude pair 181.000000,1.000000
         GEOPOS Sicily Palermo nope -> *2 *2 $18 13.361389338970184 $16 38.1155563954963 *-1
         GEOPOS nope a -> *1 *-1
         GEOHASH Sicily Palermo nope -> *2 $11 sqc8b49rny0 $-1
         GEODIST Sicily Palermo Catania -> $11 166274.1516
         GEODIST Sicily Palermo Catania km -> $8 166.2742
         GEODIST Sicily Palermo Catania mi -> $8 103.3182
         GEODIST Sicily Palermo Palermo -> $6 0.0000
         GEODIST Sicily Palermo nope -> $-1
         GEODIST Sicily Palermo Catania x -> -ERR unsupported unit provided. please use M, KM, FT, MI",
    );
}

#[test]
fn areas_are_searched() {
    let (bench, mut client) = sicily();
    bench.script(
        &mut client,
        "GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC -> *2 $7 Catania $7 Palermo
         GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 400 400 km DESC COUNT 3 -> *3 $5 edge1 $5 edge2 $7 Palermo
         GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km DESC WITHDIST WITHHASH -> \
         *2 *3 $7 Palermo $8 190.4424 :3479099956230698 *3 $7 Catania $7 56.4413 :3479447370796909
         GEORADIUSBYMEMBER Sicily Palermo 1 m WITHCOORD -> *1 *2 $7 Palermo *2 $18 13.361389338970184 $16 38.1155563954963
         GEOSEARCH Sicily FROMMEMBER Palermo BYRADIUS 9999 km COUNT 1 ANY DESC -> *1 $7 Palermo
         GEORADIUS_RO Sicily 15 37 100 km -> *1 $7 Catania
         GEORADIUS nope 15 37 100 km -> *0
         GEORADIUSBYMEMBER nope a 100 km -> *0
         GEOSEARCH Sicily FROMMEMBER nope BYRADIUS 1 m -> -ERR could not decode requested zset member
         GEOSEARCH Sicily BYRADIUS 1 m COUNT 1 ANY -> -ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH
         GEOSEARCH Sicily FROMLONLAT 1 1 COUNT 1 ANY -> -ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH
         GEOSEARCH Sicily FROMLONLAT 1 1 BYRADIUS 1 m ANY -> -ERR the ANY argument requires COUNT argument
         GEOSEARCH Sicily FROMLONLAT 1 1 BYRADIUS 1 m COUNT 0 -> -ERR COUNT must be > 0
         GEOSEARCH Sicily FROMLONLAT 1 1 BYRADIUS x m -> -ERR need numeric radius
         GEOSEARCH Sicily FROMLONLAT 1 1 BYBOX 1 -1 m -> -ERR height or width cannot be negative
         GEORADIUS_RO Sicily 1 1 1 m STORE d -> -ERR syntax error",
    );
}

#[test]
fn results_are_stored() {
    let (mut bench, mut client) = sicily();
    bench.script(
        &mut client,
        "GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYRADIUS 200 km -> :2
         ZSCORE d Palermo -> $16 3479099956230698
         GEORADIUS Sicily 15 37 200 km STOREDIST d COUNT 1 -> :1
         ZRANGE d 0 -1 WITHSCORES -> *2 $7 Catania $16 56.4412578701582
         GEORADIUSBYMEMBER Sicily Palermo 0 m STORE d -> :1
         GEOSEARCHSTORE d nope FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST -> :0
         EXISTS d -> :0
         GEORADIUS Sicily 1 1 1 m STORE d WITHDIST -> -ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
    );
    assert_eq!(bench.effects().len(), 6);
}
