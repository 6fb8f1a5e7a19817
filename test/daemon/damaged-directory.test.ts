import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ticketCreatedSchema } from '../../src/api/authority.ts';
import { renderTicket } from '../../src/api/ticket.ts';
import { type MeshError } from '../../src/base/errors.ts';
import { withAuthority } from '../../src/daemon/authority/desk.ts';
import { initAuthority } from '../../src/daemon/authority/init.ts';
import { enrollNode } from '../../src/daemon/node/enroll.ts';
import { runNode } from '../../src/daemon/node/run.ts';
import { passphrase, restartAuthority, SILENT } from '../support/processes/authority-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const authorityDir = join(folder, 'authority');
const nodeDir = join(folder, 'node');
const killedAuthorityDir = join(folder, 'killed-authority');
const killedNodeDir = join(folder, 'killed-node');
const flags = { listen: '127.0.0.1:0', multicast: false };

async function startNode(directory: string) {
  return runNode({ directory, passphrase: passphrase(), environment: {}, flags, log: SILENT });
}

before(async () => {
  const authority = await initAuthority({ directory: authorityDir, mesh: 'depot', passphrase: passphrase() }).then(() =>
    restartAuthority(authorityDir),
  );
  const desk = { directory: authorityDir, environment: {}, passphrase: async () => passphrase() };
  const created = await withAuthority(desk, (open) =>
    open.call(ticketCreatedSchema, { method: 'POST', path: '/v1/tickets', body: {} }),
  );
  await enrollNode({ directory: nodeDir, ticket: renderTicket(created.ticket), passphrase: passphrase() });
  // What a kill -9 leaves: the directories as they are while the processes run.
  const node = await startNode(nodeDir);
  for (const [from, to] of [
    [nodeDir, killedNodeDir],
    [authorityDir, killedAuthorityDir],
  ] as const)
    cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  await node.close();
  await authority.close();
});

let copies = 0;
/** A copy of a directory, with something done to one of its files. */
function spoiled(directory: string, file: string, spoil: (path: string) => void): string {
  const copy = join(folder, `copy-${copies++}`);
  cpSync(directory, copy, { recursive: true });
  spoil(join(copy, file));
  return copy;
}

const empty = (path: string): void => truncateSync(path, 0);
const remove = (path: string): void => rmSync(path);
const halve = (path: string): void => truncateSync(path, Math.floor(readFileSync(path).length / 2));
const flip = (path: string): void => {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length * 0.6);
  bytes[at] = (bytes[at] as number) ^ 0x01;
  writeFileSync(path, bytes);
};
const endpointTwice = (path: string): void =>
  writeFileSync(path, readFileSync(path, 'utf8').replace('{', '{ "endpoint": "https://127.0.0.1:1",'));
const foreign = (path: string): void => {
  const other = join(folder, 'other-authority');
  cpSync(join(other, path.split('/').at(-1) as string), path);
};

interface Closable {
  close(): Promise<void>;
}

type Damage = readonly [file: string, how: string, spoil: (path: string) => void, codes?: readonly string[]];

/** Each is refused with a code that says what it is, a message that names the file, and a hint. */
async function refuses(
  directory: string,
  [file, , spoil, codes = ['ERR_STATE_CORRUPT']]: Damage,
  start: (copy: string) => Promise<Closable>,
) {
  const copy = spoiled(directory, file, spoil);
  const before = existsSync(join(copy, file)) ? readFileSync(join(copy, file)) : undefined;
  await assert.rejects(
    async () => (await start(copy)).close(),
    (error: MeshError) => {
      assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
      const name = file.split('/').at(-1) as string;
      assert.ok(
        `${error.message} ${error.hint}`.includes(name),
        `${name} is not named: ${error.message} (${error.hint})`,
      );
      assert.ok((error.hint ?? '').length > 0, error.message);
      return true;
    },
  );
  const afterwards = existsSync(join(copy, file)) ? readFileSync(join(copy, file)) : undefined;
  assert.deepEqual(afterwards, before, 'the evidence was changed');
}

/** What was acknowledged last lies in the log beside a database, after a kill. */
function doesNotForget(database: string, killed: () => string, start: (copy: string) => Promise<Closable>): void {
  const log = `${database}-wal`;
  const mark = `${database}-in-use`;
  for (const [how, spoil] of [
    ['missing', remove],
    ['empty', empty],
  ] as const)
    it(`does not start after a kill with its log ${how}: what was acknowledged last is in it`, async () => {
      await (await start(spoiled(killed(), log, () => {}))).close();
      await refuses(killed(), [log, how, spoil], start);
      const restored = spoiled(killed(), log, spoil);
      rmSync(join(restored, mark)); // as the hint says, where a backup was put back
      await (await start(restored)).close();
      assert.ok(!existsSync(join(restored, mark)), 'nor is it there after an orderly end');
    });
}

const WRONG_PASSPHRASE = ['ERR_STATE_CORRUPT', 'ERR_PASSPHRASE_WRONG'];

describe('an authority', () => {
  before(() => initAuthority({ directory: join(folder, 'other-authority'), mesh: 'depot', passphrase: passphrase() }));

  const damages: readonly Damage[] = [
    ['authority.db', 'empty', empty],
    ['authority.db', 'missing', remove],
    ['authority.db', 'cut in half', halve],
    ['root.pem', 'missing', remove],
    ['root.pem', 'empty', empty],
    ['root.pem', 'cut in half', halve],
    ['root.pem', 'with a flipped bit', flip],
    ['root.pem', 'of another authority', foreign],
    ['ca.pem', 'missing', remove],
    ['ca.pem', 'cut in half', halve],
    ['ca.pem', 'with a flipped bit', flip],
    ['ca.pem', 'of another authority', foreign, ['ERR_STATE_CORRUPT', 'ERR_STATE_FOREIGN']],
    ['keys/issuer.key.box', 'missing', remove, ['ERR_KEY_MISSING']],
    ['keys/issuer.key.box', 'empty', empty],
    ['keys/issuer.key.box', 'with a flipped bit', flip],
    ['keys/server.key.box', 'with a flipped bit', flip],
    ['keys/check.box', 'missing', remove],
    ['keys/check.box', 'empty', empty],
    ['keys/check.box', 'with a flipped bit', flip, WRONG_PASSPHRASE],
  ];
  doesNotForget('authority.db', () => killedAuthorityDir, restartAuthority);

  for (const damage of damages)
    it(`does not start with ${damage[0]} ${damage[1]}`, () => refuses(authorityDir, damage, restartAuthority));

  it('is not made a second time where one lost its database', async () => {
    const copy = spoiled(authorityDir, 'authority.db', remove);
    await assert.rejects(initAuthority({ directory: copy, mesh: 'depot', passphrase: passphrase() }), {
      code: 'ERR_DIR_EXISTS',
    });
  });

  it('starts again after a kill on the way of its first database', async () => {
    const fresh = join(folder, 'killed-at-init');
    mkdirSync(fresh, { mode: 0o700 });
    writeFileSync(join(fresh, 'authority.db-new'), 'half a data', { mode: 0o600 });
    await initAuthority({ directory: fresh, mesh: 'depot', passphrase: passphrase() });
    await (await restartAuthority(fresh)).close();
    assert.deepEqual(
      readdirSync(fresh).filter((name) => name.endsWith('-new')),
      [],
    );
  });
});

describe('a node', () => {
  const damages: readonly Damage[] = [
    ['node.db', 'empty', empty],
    ['node.db', 'cut in half', halve],
    ['node.pem', 'missing', remove],
    ['node.pem', 'empty', empty],
    ['node.pem', 'cut in half', halve],
    ['node.pem', 'with a flipped bit', flip],
    ['ca.pem', 'missing', remove],
    ['ca.pem', 'cut in half', halve],
    ['ca.pem', 'with a flipped bit', flip],
    ['enrollment.json', 'empty', empty],
    ['enrollment.json', 'cut in half', halve],
    ['enrollment.json', 'with an endpoint named twice', endpointTwice],
    ['lock', 'that is none', (path) => writeFileSync(path, 'no lock'.repeat(100))],
    ['keys', 'that is a file', (path) => (rmSync(path, { recursive: true }), writeFileSync(path, ''))],
    ['keys/identity.key.box', 'missing', remove, ['ERR_KEY_MISSING']],
    ['keys/identity.key.box', 'with a flipped bit', flip],
    ['keys/check.box', 'missing', remove],
    ['keys/check.box', 'with a flipped bit', flip, WRONG_PASSPHRASE],
  ];
  doesNotForget('node.db', () => killedNodeDir, startNode);

  for (const damage of damages)
    it(`does not start with ${damage[0]} ${damage[1]}`, () => refuses(nodeDir, damage, startNode));

  it('does not start with the enrolment of another node', async () => {
    const copy = spoiled(nodeDir, 'enrollment.json', (path) =>
      writeFileSync(
        path,
        readFileSync(path, 'utf8').replace(/"node_id": "[^"]+",\n( +)"bootstrap/, '"node_id": "other",\n$1"bootstrap'),
      ),
    );
    await assert.rejects(startNode(copy), { code: 'ERR_STATE_FOREIGN', message: /enrollment\.json.*of node "other"/ });
  });
});
