// node-redis's checks, over RESP2 and RESP3.

import assert from 'node:assert/strict';
import { createClient } from 'redis';
import { pause, port, run } from './harness.mjs';

const checks = {
  async connect(c) {
    assert.equal(await c.ping(), 'PONG');
    assert.match(await c.info('server'), /redis_version/);
    await c.clientSetName('checks');
    assert.equal(await c.clientGetName(), 'checks');
  },

  async strings(c) {
    assert.equal(await c.set('s', '1', { EX: 100, NX: true }), 'OK');
    assert.equal(await c.set('s', '2', { NX: true }), null);
    assert.equal(await c.incrBy('s', 41), 42);
    assert.deepEqual(await c.mGet(['s', 'none']), ['42', null]);
    assert.equal(await c.getDel('s'), '42');
  },

  async hashes(c) {
    assert.equal(await c.hSet('h', { a: 1, b: 'x' }), 2);
    assert.deepEqual({ ...(await c.hGetAll('h')) }, { a: '1', b: 'x' });
    assert.deepEqual(await c.hmGet('h', ['a', 'z']), ['1', null]);
  },

  async lists(c) {
    assert.equal(await c.rPush('l', ['0', '1', '2', '3']), 4);
    assert.deepEqual(await c.lRange('l', 1, -1), ['1', '2', '3']);
    assert.deepEqual(await c.lPopCount('l', 2), ['0', '1']);
  },

  async sortedSets(c) {
    await c.zAdd('z', [{ score: 1, value: 'a' }, { score: 2.5, value: 'b' }]);
    const expected = [{ value: 'a', score: 1 }, { value: 'b', score: 2.5 }];
    assert.deepEqual(await c.zRangeWithScores('z', 0, -1), expected);
    assert.equal(await c.zScore('z', 'b'), 2.5);
  },

  async blockingPop(c, other) {
    const popped = c.blPop('q', 5);
    await pause(100);
    await other.rPush('q', 'job');
    assert.deepEqual({ ...(await popped) }, { key: 'q', element: 'job' });
    assert.equal(await c.blPop('q', 0.1), null);
  },

  async transactions(c, other) {
    assert.deepEqual(await c.multi().set('n', '1').incr('n').get('n').exec(), ['OK', 2, '2']);
    await c.watch('n');
    await other.set('n', '10');
    await assert.rejects(c.multi().set('n', '99').exec());
    assert.equal(await c.get('n'), '10');
  },

  async pubsub(c, other) {
    const got = [];
    await c.subscribe('news', (message, channel) => got.push([channel, message]));
    await c.pSubscribe('new*', (message, channel) => got.push([channel, message]));
    assert.equal(await other.publish('news', 'hello'), 2);
    for (let i = 0; i < 50 && got.length < 2; i += 1) await pause(20);
    assert.deepEqual(got, [['news', 'hello'], ['news', 'hello']]);
    await c.unsubscribe();
    await c.pUnsubscribe();
    assert.equal(String(await c.ping()), 'PONG'); // a Buffer, for a while, over RESP2
  },

  async scan(c) {
    const names = Array.from({ length: 1000 }, (_, i) => `scan:${i}`);
    await Promise.all(names.map((name) => c.set(name, '1')));
    const seen = new Set();
    for await (const keys of c.scanIterator({ MATCH: 'scan:*', COUNT: 50 })) {
      keys.forEach((key) => seen.add(key));
    }
    assert.equal(seen.size, names.length);
  },

  async pipelining(c) {
    const numbers = Array.from({ length: 500 }, (_, i) => i);
    const replies = await Promise.all(numbers.map((i) => c.incrBy('sum', i)));
    assert.equal(replies.at(-1), (499 * 500) / 2);
  },

  async scripts(c) {
    const text = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    assert.equal(await c.eval(text, { keys: ['c'], arguments: ['5'] }), 5);
    assert.equal(await c.evalSha(await c.scriptLoad(text), { keys: ['c'], arguments: ['2'] }), 7);
  },

  async streams(c) {
    const id = await c.xAdd('st', '*', { k: 'v' });
    const [{ name, messages }] = await c.xRead({ key: 'st', id: '0' });
    assert.deepEqual([name, messages[0].id, messages[0].message.k], ['st', id, 'v']);
  },

  async search(c) {
    const schema = { title: 'TEXT', price: { type: 'NUMERIC', SORTABLE: true }, tags: 'TAG' };
    assert.equal(await c.ft.create('products', schema, { ON: 'HASH', PREFIX: 'p:' }), 'OK');
    await c.hSet('p:1', { title: 'red running shoes', price: 60, tags: 'sport,red' });
    await c.hSet('p:2', { title: 'blue running jacket', price: 90, tags: 'sport' });
    const options = { SORTBY: { BY: 'price', DIRECTION: 'DESC' } };
    const sorted = await c.ft.search('products', 'running', options);
    assert.equal(sorted.total, 2);
    assert.deepEqual(sorted.documents.map((d) => d.id), ['p:2', 'p:1']);
    assert.equal(sorted.documents[1].value.title, 'red running shoes');
    assert.equal((await c.ft.search('products', '@tags:{sport} @price:[0 70]')).total, 1);
    const groups = await c.ft.aggregate('products', '*', {
      STEPS: [{
        type: 'GROUPBY', properties: '@tags', REDUCE: { type: 'SUM', property: '@price', AS: 'sum' },
      }],
    });
    assert.equal(groups.results.length, 2);
    assert.deepEqual(await c.ft._list(), ['products']);
    assert.equal(Number((await c.ft.info('products')).num_docs), 2);
  },

  async json(c) {
    assert.equal(await c.json.set('d', '$', { a: [1, 2], o: { s: 'é' } }), 'OK');
    assert.deepEqual(await c.json.get('d'), { a: [1, 2], o: { s: 'é' } });
    assert.deepEqual(await c.json.get('d', { path: '$.o.s' }), ['é']);
    assert.deepEqual(await c.json.arrAppend('d', '$.a', 3), [3]);
    assert.deepEqual(await c.json.numIncrBy('d', '$.a[0]', 1.5), [2.5]);
  },

  async timeSeries(c) {
    assert.equal(await c.ts.create('t:1', { LABELS: { room: 'a' } }), 'OK');
    assert.equal(await c.ts.add('t:1', 1000, 1.5), 1000);
    await c.ts.mAdd([{ key: 't:1', timestamp: 2000, value: 2.5 }]);
    const samples = [{ timestamp: 1000, value: 1.5 }, { timestamp: 2000, value: 2.5 }];
    assert.deepEqual(await c.ts.range('t:1', '-', '+'), samples);
    const options = { AGGREGATION: { type: 'SUM', timeBucket: 5000 } };
    assert.deepEqual(await c.ts.range('t:1', '-', '+', options), [{ timestamp: 0, value: 4 }]);
    const many = await c.ts.mRange('-', '+', 'room=a');
    assert.deepEqual(many['t:1'], samples);
  },
};

await run('node-redis', [2, 3], checks, {
  async connect(mode) {
    const socket = { port, host: '127.0.0.1', reconnectStrategy: false };
    const client = createClient({ socket, RESP: mode });
    client.on('error', () => {}); // the check that uses it will fail
    return client.connect();
  },
  flush: (client) => client.flushAll(),
  close: (client) => client.destroy(),
});
