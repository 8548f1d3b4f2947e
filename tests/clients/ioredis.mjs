// ioredis's checks. Its module commands go through `call`, as its users write them.

import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { pause, port, run } from './harness.mjs';

// The total and the ids of a search without contents. Over RESP3 the reply is a map, which ioredis
// hands out as keys and values in turn.
function found(reply, mode) {
  if (mode === 2) return reply;
  const field = (list, name) => list[list.indexOf(name) + 1];
  return [field(reply, 'total_results'), ...field(reply, 'results').map((r) => field(r, 'id'))];
}

const checks = {
  async connect(c) {
    assert.equal(await c.ping(), 'PONG');
    assert.match(await c.info('server'), /redis_version/);
    assert.equal(c.status, 'ready');
  },

  async strings(c) {
    assert.equal(await c.set('s', '1', 'EX', 100, 'NX'), 'OK');
    assert.equal(await c.set('s', '2', 'NX'), null);
    assert.equal(await c.incrby('s', 41), 42);
    assert.deepEqual(await c.mget('s', 'none'), ['42', null]);
    await c.set('raw', Buffer.from([0, 255, 13, 10]));
    assert.deepEqual(await c.getBuffer('raw'), Buffer.from([0, 255, 13, 10]));
  },

  async hashes(c) {
    assert.equal(await c.hset('h', { a: 1, b: 'x' }), 2);
    assert.deepEqual({ ...(await c.hgetall('h')) }, { a: '1', b: 'x' });
    assert.equal(await c.hincrby('h', 'a', 2), 3);
  },

  async lists(c) {
    assert.equal(await c.rpush('l', '0', '1', '2', '3'), 4);
    assert.deepEqual(await c.lrange('l', 1, -1), ['1', '2', '3']);
    assert.deepEqual(await c.lpop('l', 2), ['0', '1']);
  },

  async sortedSets(c) {
    await c.zadd('z', 1, 'a', 2.5, 'b');
    assert.deepEqual((await c.zrange('z', 0, -1)), ['a', 'b']);
    assert.equal(Number(await c.zscore('z', 'b')), 2.5);
  },

  async blockingPop(c, other) {
    const popped = c.blpop('q', 5);
    await pause(100);
    await other.rpush('q', 'job');
    assert.deepEqual(await popped, ['q', 'job']);
    assert.equal(await c.blpop('q', 0.1), null);
  },

  async transactions(c, other) {
    const replies = await c.multi().set('n', '1').incr('n').get('n').exec();
    assert.deepEqual(replies, [[null, 'OK'], [null, 2], [null, '2']]);
    await c.watch('n');
    await other.set('n', '10');
    assert.equal(await c.multi().set('n', '99').exec(), null);
    assert.equal(await c.get('n'), '10');
  },

  async pubsub(c, other) {
    const got = [];
    c.on('message', (channel, message) => got.push([channel, message]));
    c.on('pmessage', (pattern, channel, message) => got.push([pattern, message]));
    await c.subscribe('news');
    await c.psubscribe('new*');
    assert.equal(await other.publish('news', 'hello'), 2);
    for (let i = 0; i < 50 && got.length < 2; i += 1) await pause(20);
    assert.deepEqual(got, [['news', 'hello'], ['new*', 'hello']]);
  },

  async scan(c) {
    const names = Array.from({ length: 1000 }, (_, i) => `scan:${i}`);
    await c.mset(Object.fromEntries(names.map((name) => [name, '1'])));
    const seen = new Set();
    for await (const keys of c.scanStream({ match: 'scan:*', count: 50 })) {
      keys.forEach((key) => seen.add(key));
    }
    assert.equal(seen.size, names.length);
  },

  async pipelining(c) {
    const pipeline = c.pipeline();
    for (let i = 0; i < 500; i += 1) pipeline.set(`p${i}`, i).get(`p${i}`);
    const replies = await pipeline.exec();
    assert.equal(replies.length, 1000);
    replies.forEach(([error, value], i) => {
      assert.equal(error, null);
      if (i % 2) assert.equal(value, String((i - 1) / 2));
    });
  },

  async scripts(c) {
    const lua = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    c.defineCommand('addTo', { numberOfKeys: 1, lua });
    assert.equal(await c.addTo('c', 5), 5);
    assert.equal(await c.addTo('c', 2), 7);
  },

  async streams(c) {
    const id = await c.xadd('st', '*', 'k', 'v');
    assert.deepEqual(await c.xrange('st', '-', '+'), [[id, ['k', 'v']]]);
  },

  async errors(c) {
    await c.set('str', 'x');
    await assert.rejects(c.lpush('str', 1), /WRONGTYPE/);
    await assert.rejects(c.call('NOSUCH'), /unknown command/);
  },

  async search(c, _, mode) {
    const schema = 'SCHEMA title TEXT price NUMERIC SORTABLE tags TAG'.split(' ');
    const on = ['ON', 'HASH', 'PREFIX', '1', 'p:'];
    assert.equal(await c.call('FT.CREATE', 'products', ...on, ...schema), 'OK');
    await c.hset('p:1', { title: 'red running shoes', price: 60, tags: 'sport,red' });
    await c.hset('p:2', { title: 'blue running jacket', price: 90, tags: 'sport' });
    const sorted = await c.call('FT.SEARCH', 'products', 'running', 'SORTBY', 'price', 'NOCONTENT');
    assert.deepEqual(found(sorted, mode), [2, 'p:1', 'p:2']);
    const filtered = await c.call('FT.SEARCH', 'products', '@price:[70 +inf]', 'NOCONTENT');
    assert.deepEqual(found(filtered, mode), [1, 'p:2']);
  },

  async json(c) {
    assert.equal(await c.call('JSON.SET', 'd', '$', '{"a":[1,2],"o":{"s":"é"}}'), 'OK');
    assert.equal(await c.call('JSON.GET', 'd', '$.o.s'), '["é"]');
    assert.equal(await c.call('JSON.GET', 'd', '.a'), '[1,2]');
    assert.deepEqual(await c.call('JSON.ARRAPPEND', 'd', '$.a', '3'), [3]);
  },

  async timeSeries(c) {
    assert.equal(await c.call('TS.ADD', 't:1', 1000, 1.5, 'LABELS', 'room', 'a'), 1000);
    assert.deepEqual(await c.call('TS.MADD', 't:1', 2000, 2.5), [2000]);
    assert.deepEqual(await c.call('TS.RANGE', 't:1', '-', '+'), [[1000, '1.5'], [2000, '2.5']]);
    assert.deepEqual(await c.call('TS.QUERYINDEX', 'room=a'), ['t:1']);
  },
};

await run('ioredis', [2, 3], checks, {
  async connect(mode) {
    const options = { port, host: '127.0.0.1', lazyConnect: true, retryStrategy: null };
    const client = new Redis({ ...options, protocol: mode });
    client.on('error', () => {}); // the check that uses it will fail
    await client.connect();
    return client;
  },
  flush: (client) => client.flushall(),
  close: (client) => client.disconnect(),
});
