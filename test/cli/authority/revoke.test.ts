import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { NodesResponse } from '../../../src/api/authority.ts';
import { chainmail, LongCommand, type ToldError } from '../../support/processes/chainmail.ts';
import { missing } from '../../support/foreign/programs.ts';
import { initialised, refusal, runAuthority, ticketOf } from './authority-directory.ts';

const shell = promisify(execFile);

test('revoke --watch says that the authority has ended', async (t) => {
  const { dir, folder } = await initialised(t);
  const authority = await runAuthority(t, dir);
  writeFileSync(join(folder, 'pw'), 'x');
  const nodeIds: string[] = [];
  for (const name of ['n1', 'n2']) {
    const ticket = join(folder, `${name}.ticket`);
    await ticketOf(dir, ticket);
    const into = ['--dir', join(folder, name), '--passphrase-file', join(folder, 'pw'), '--json'];
    const { stdout } = await chainmail(['node', 'enroll', ...into, '--ticket', ticket]);
    nodeIds.push((JSON.parse(stdout) as { node_id: string }).node_id);
  }
  // One that has been seen, and has not heard of the revocation when it ends.
  const lagging = new LongCommand(
    [
      'node',
      'run',
      '--dir',
      join(folder, 'n1'),
      '--passphrase-file',
      join(folder, 'pw'),
      '--json',
      '--no-multicast',
    ].concat('--listen', '127.0.0.1:0'),
    { CHAINMAIL_LOG_LEVEL: 'silent' },
  );
  await lagging.json();
  const isSeen = async (): Promise<boolean> => {
    const { stdout } = await chainmail(['nodes', '--dir', dir, '--json']);
    return (JSON.parse(stdout) as NodesResponse).nodes.some(({ last_seen }) => last_seen !== undefined);
  };
  while (!(await isSeen())) await new Promise((resolve) => setTimeout(resolve, 50));
  await lagging.end('SIGKILL');
  const watching = new LongCommand(['revoke', '--dir', dir, '--node-id', nodeIds[1] ?? '', '--watch', '--json']);
  assert.equal((await watching.json<{ of: number }>()).of, 1);
  await authority.end('SIGKILL');
  assert.equal((await watching.json<ToldError>()).error.code, 'ERR_NOT_RUNNING');
});

test('admin add makes a credential that works, and revoking it ends that', { skip: missing('curl') }, async (t) => {
  const { dir, folder } = await initialised(t);
  const { ready } = await runAuthority(t, dir);
  const { stdout } = await chainmail(['admin', 'add', 'alice', '--dir', dir, '--out', folder, '--json']);
  const { certificate, key, serial } = JSON.parse(stdout) as { certificate: string; key: string; serial: string };
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const status = async (): Promise<string> => {
    const credential = ['--cacert', join(dir, 'root.pem'), '--cert', certificate, '--key', key];
    const { stdout: code } = await shell('curl', [
      '-sS',
      '-m',
      '10',
      ...credential,
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      `${ready.url}/v1/nodes`,
    ]);
    return code;
  };
  assert.equal(await status(), '200');
  assert.equal((await chainmail(['revoke', '--dir', dir, '--serial', serial.toUpperCase()])).code, 0);
  assert.equal(await status(), '403');
  assert.equal((await refusal('admin', 'add', 'alice', '--dir', dir, '--out', folder)).code, 'ERR_FILE_EXISTS');
});

test('revoke --watch ends when every node enforces it', async (t) => {
  const { dir, folder } = await initialised(t);
  const authority = await runAuthority(t, dir);
  writeFileSync(join(folder, 'pw'), 'x');
  await ticketOf(dir, join(folder, 't'));
  const args = [
    'node',
    'enroll',
    '--dir',
    join(folder, 'n'),
    '--ticket',
    join(folder, 't'),
    '--passphrase-file',
    join(folder, 'pw'),
    '--json',
  ];
  const { node_id } = JSON.parse((await chainmail(args)).stdout) as { node_id: string };
  const { stdout } = await chainmail(['revoke', '--dir', dir, '--node-id', node_id, '--watch', '--json']);
  const line = JSON.parse(stdout) as object;
  assert.deepEqual({ ...line, crl_number: 0 }, { enforced_by: 0, of: 0, lagging: [], crl_number: 0 });
  await authority.end();
  assert.equal((await refusal('revoke', '--dir', dir, '--node-id', node_id, '--watch')).code, 'ERR_NOT_RUNNING');
});
