// What the Node clients' scripts share: running named checks for each protocol, a pause, a summary.

export const port = Number(process.argv[2]);

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A check that hangs is a failure after this many milliseconds.
const LIMIT = 15_000;

// Commands that the server does not have yet; see not_yet.txt.
const notYet = (process.env.CAIRN_NOT_YET ?? '').split(',').filter(Boolean);

const isNotYet = (error) => {
  const command = /unknown command '([^']+)'/.exec(error?.message ?? '')?.[1];
  return command !== undefined && notYet.includes(command.toUpperCase());
};

const limited = (promise) => {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), LIMIT);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
};

// Runs every check in `checks` for every mode; `connect(mode)` gives a fresh client, which is
// emptied by `flush(client)` and ended by `close(client)`.
export async function run(name, modes, checks, { connect, flush, close }) {
  let failures = 0;
  let missing = 0;
  for (const mode of modes) {
    for (const [title, check] of Object.entries(checks)) {
      const clients = [];
      try {
        for (let i = 0; i < 2; i += 1) clients.push(await limited(connect(mode)));
        await limited(flush(clients[0]));
        await limited(check(clients[0], clients[1], mode));
      } catch (error) {
        if (isNotYet(error)) {
          missing += 1;
          clients.forEach(close);
          continue;
        }
        failures += 1;
        console.log(`${name} RESP${mode} ${title}: ${error.stack ?? error}`);
      }
      clients.forEach(close);
    }
  }
  console.log(`${name}: ${modes.length * Object.keys(checks).length} checks, ${failures} failures, ${missing} not yet`);
  process.exit(failures ? 1 : 0);
}
