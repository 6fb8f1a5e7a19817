import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Fleet, type FleetListener } from '../../src/daemon/up/fleet.ts';
import { Happenings } from '../../src/daemon/up/happenings.ts';
import { missing, pythonWith } from '../support/foreign/programs.ts';
import { tempDir } from '../support/temp-dir.ts';

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/JOIN.md', import.meta.url)), 'utf8');
const LAUNCHER = fileURLToPath(new URL('../../bin/chainmail.mjs', import.meta.url));

/** The code of the page in one language, in order: what a reader would type. */
function code(language: string): string {
  return [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))]
    .map(([, text]) => text)
    .join('\n');
}

const python = pythonWith('cbor2', 'cryptography');

describe('docs/JOIN.md, a stranger with other programs', { skip: missing('bash', 'openssl', 'curl') }, () => {
  const happenings = new Happenings();
  let fleet: Fleet;
  const folder = tempDir({ after });

  const listener: FleetListener = {
    handleEvent: (node, event) => {
      if (event.event === 'message') happenings.note(`${node.name} has ${event.message_id}`);
      if (event.event === 'link-up') happenings.note(`${node.name} linked`);
    },
    handleEnded: (pid) => assert.fail(`process ${pid} ended`),
    handleDeaf: (_, error) => assert.ifError(error),
  };

  before(async () => {
    fleet = new Fleet(join(folder, 'mesh'), 'demo', 3);
    await fleet.startAuthority(listener);
    for (const node of fleet.nodes) {
      await fleet.enroll(node);
      await node.start(listener);
    }
    for (const { name } of fleet.nodes)
      assert.ok(await happenings.until(`${name} linked`, 15_000), `${name} found nobody`);
    const create = ['ticket', 'create', '--dir', fleet.authorityDirectory, '--out', join(folder, 'me.ticket')];
    execFileSync(process.execPath, [LAUNCHER, ...create], { stdio: 'ignore' });
  });

  after(() => fleet.stop());

  async function assertEverybodyHas(messageId: string): Promise<void> {
    for (const { name } of fleet.nodes)
      assert.ok(await happenings.until(`${name} has ${messageId}`, 15_000), `${name} did not get ${messageId}`);
  }

  it('joins and speaks with openssl and curl alone', async () => {
    const script = `set -euo pipefail\n${code('sh')}\necho; printf '%s\\n' "$PEER" "$ADDRESS" "$MESH" > place`;
    const run = spawnSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    assert.equal(run.status, 0, run.stderr + run.stdout);
    assert.match(run.stdout, /^me\.pem: OK$/m);
    const peers = JSON.parse(/^\{"peers".*\}(?=\{)/m.exec(run.stdout)?.[0] ?? '{}') as {
      peers: readonly { status: string }[];
    };
    assert.ok(peers.peers.some(({ status }) => status === 'connected'));
    const messageId = /"message_id":"([^"]+)"/.exec(run.stdout)?.[1];
    assert.ok(messageId !== undefined, run.stdout);
    await assertEverybodyHas(messageId);
  });

  it('speaks from thirty lines of Python', { skip: python.skip }, async () => {
    const program = code('python');
    assert.ok(
      program
        .trim()
        .split('\n')
        .filter((line) => line !== '').length <= 30,
      'the page promises thirty lines',
    );
    writeFileSync(join(folder, 'say.py'), program);
    const [PEER = '', ADDRESS = '', MESH = ''] = readFileSync(join(folder, 'place'), 'utf8').split('\n');
    const env = { ...process.env, PEER, ADDRESS, MESH };
    const run = spawnSync(python.path ?? '', ['say.py'], { cwd: folder, encoding: 'utf8', timeout: 60_000, env });
    assert.equal(run.status, 0, run.stderr);
    const [, status, messageId] = /^(\d+) .*"message_id":"([^"]+)"/.exec(run.stdout) ?? [];
    assert.equal(status, '202', run.stdout);
    await assertEverybodyHas(messageId ?? '');
  });
});
