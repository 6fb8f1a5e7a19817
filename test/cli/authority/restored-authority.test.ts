import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { nodesResponseSchema } from '../../../src/api/authority.ts';
import type { StatusResponse } from '../../../src/api/node-programs.ts';
import { withAuthority } from '../../../src/daemon/authority/desk.ts';
import { passphrase, restartAuthority, startAuthority } from '../../support/processes/authority-process.ts';
import { chainmail } from '../../support/processes/chainmail.ts';
import { NodeProcess } from '../../support/processes/node-process.ts';
import { tempDir } from '../../support/temp-dir.ts';

const folder = tempDir({ after });
const authorityDir = join(folder, 'authority');

async function statusOf(node: NodeProcess): Promise<StatusResponse> {
  return (await node.ask({ method: 'GET', path: '/v1/status' })).json as unknown as StatusResponse;
}

it('a revoked node stays out of a restarted peer whose authority was put back from an old backup (T5)', async (t) => {
  mkdirSync(authorityDir, { mode: 0o700 });
  let authority = await startAuthority(authorityDir);
  t.after(() => authority.close());
  const listen = new URL(authority.url).host;
  const [node, thief] = [
    await NodeProcess.enroll(folder, 'n1', authorityDir),
    await NodeProcess.enroll(folder, 'n2', authorityDir),
  ];
  for (const one of [node, thief]) {
    t.after(() => one.end('SIGKILL'));
    await one.run();
  }
  await node.linkedWith(thief);

  // The backup has both nodes, and no revocation.
  await authority.close();
  const database = join(authorityDir, 'authority.db');
  copyFileSync(database, join(folder, 'backup.db'));
  authority = await restartAuthority(authorityDir, { listen });
  const revoked = await chainmail(['revoke', '--dir', authorityDir, '--node-id', thief.nodeId, '--json']);
  assert.equal(revoked.code, 0, revoked.stdout);
  const { crl_number } = JSON.parse(revoked.stdout) as { readonly crl_number: number };
  await node.untilEvent(async () => (await statusOf(node)).crls.some(({ number }) => number >= crl_number));

  await authority.close();
  for (const ending of ['-wal', '-shm']) rmSync(`${database}${ending}`, { force: true });
  copyFileSync(join(folder, 'backup.db'), database);
  while (Date.now() < (crl_number + 1) * 1_000) await pause(100); // or its list has no higher number, and is not taken
  authority = await restartAuthority(authorityDir, { listen });
  await node.untilEvent(async () =>
    (await statusOf(node)).crls.some(({ number, kept }) => number > crl_number && kept === 1),
  );
  assert.match(node.stderr, /leaves out revocations that are still live/);

  // What the restarted node has is on its disk alone: the newest list it can fetch names nobody.
  await node.end('SIGKILL');
  await node.run();
  const desk = { directory: authorityDir, environment: {}, passphrase: async () => passphrase() };
  const { nodes } = await withAuthority(desk, (open) =>
    open.call(nodesResponseSchema, { method: 'GET', path: '/v1/nodes' }),
  );
  assert.equal(nodes.find(({ node_id }) => node_id === thief.nodeId)?.status, 'active', 'the authority has forgotten');
  const { address } = node.ready;
  await thief.ask({ method: 'POST', path: '/v1/candidates', body: { address, node_id: node.nodeId } });
  for (let status = await statusOf(node); status.counters.handshakes_refused === 0; status = await statusOf(node)) {
    assert.deepEqual(status.links, []);
    await pause(50);
  }
  assert.deepEqual((await statusOf(node)).links, []);
});
