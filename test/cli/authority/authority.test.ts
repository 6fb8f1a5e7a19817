import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { MESH_NAME_RULE } from '../../../src/identity/mesh-name.ts';
import { chainmail } from '../../support/processes/chainmail.ts';
import { missing } from '../../support/foreign/programs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { initialised, refusal, runAuthority, ticketOf } from './authority-directory.ts';

const shell = promisify(execFile);

test('init makes an authority: what is secret is sealed or its owner’s alone', async (t) => {
  const { dir } = await initialised(t);
  for (const file of ['admin/admin.key', 'authority.db', 'keys/issuer.key.box', 'root/root.key.box'])
    assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
  assert.match(readFileSync(join(dir, 'admin/admin.key'), 'utf8'), /^-----BEGIN PRIVATE KEY-----\n/);
  assert.equal((await refusal('authority', 'init', '--dir', dir, '--mesh', 'depot')).code, 'ERR_DIR_EXISTS');
});

test('run says first where it listens, and ends in order', async (t) => {
  const { dir } = await initialised(t);
  const authority = await runAuthority(t, dir);
  assert.equal(authority.ready.event, 'ready');
  assert.equal(authority.ready.mesh, 'depot');
  assert.match(authority.ready.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(await authority.end(), 0);
  assert.equal(existsSync(join(dir, 'control.sock')), false);
});

test('a ticket is one file, made while the authority runs and while it does not', async (t) => {
  const { dir, folder } = await initialised(t);
  const authority = await runAuthority(t, dir);
  const running = await ticketOf(
    dir,
    join(folder, 'a.ticket'),
    '--node-id',
    'gate-1',
    '--role',
    'operator',
    '--ttl',
    '2h',
  );
  assert.equal(running.endpoint, authority.ready.url);
  assert.deepEqual([running.node_id, running.roles, running.mesh], ['gate-1', ['operator'], 'depot']);
  assert.equal(statSync(join(folder, 'a.ticket')).mode & 0o777, 0o600);
  await authority.end();
  const stopped = await ticketOf(dir, join(folder, 'b.ticket'));
  assert.equal(stopped.endpoint, authority.ready.url);
  const text = readFileSync(join(folder, 'b.ticket'), 'utf8').split('\n');
  assert.ok(
    text.some((line) => line.startsWith('  "token": ')),
    'one member a line',
  );
  const taken = await refusal('ticket', 'create', '--dir', dir, '--out', join(folder, 'a.ticket'));
  assert.equal(taken.code, 'ERR_FILE_EXISTS');
  const { stdout } = await chainmail(['ticket', 'list', '--dir', dir]);
  assert.match(stdout, /open +0\/1 +in \d+ \w+ +gate-1 +operator/);
});

test('--uses above 1 and --node-id exclude each other', async (t) => {
  const { dir, folder } = await initialised(t);
  const args = [
    'ticket',
    'create',
    '--dir',
    dir,
    '--out',
    join(folder, 't'),
    '--uses',
    '2',
    '--node-id',
    'x',
    '--json',
  ];
  const { code, stderr } = await chainmail(args);
  assert.equal(code, 2);
  assert.match(stderr, /exclude each other/);
});

test('a second process on one directory, and a port in use, are told as such', async (t) => {
  const { dir } = await initialised(t);
  const other = await initialised(t, 'other');
  const { ready, child } = await runAuthority(t, dir);
  const second = await refusal('authority', 'run', '--dir', dir, '--listen', '127.0.0.1:0');
  assert.equal(second.code, 'ERR_DIR_LOCKED');
  assert.match(second.message, new RegExp(`process ${child.pid}`));
  const port = new URL(ready.url).host;
  assert.equal((await refusal('authority', 'run', '--dir', other.dir, '--listen', port)).code, 'ERR_PORT_IN_USE');
  const far = await refusal('authority', 'run', '--dir', other.dir, '--listen', '192.0.2.1:1');
  assert.equal(far.code, 'ERR_CONFIG');
});

test('passphrases: wrong, missing, readable by others, from a file or the environment', async (t) => {
  const { dir, folder } = await initialised(t);
  const list = ['ticket', 'list', '--dir', dir];
  const wrong = join(folder, 'wrong');
  writeFileSync(wrong, 'wrong horse');
  assert.equal((await refusal(...list, '--passphrase-file', wrong)).code, 'ERR_PASSPHRASE_WRONG');
  const right = join(folder, 'right');
  writeFileSync(right, 'correct horse');
  chmodSync(join(dir, 'passphrase'), 0o644);
  assert.equal((await refusal(...list)).code, 'ERR_KEY_FILE_MODE');
  assert.equal((await chainmail(list, { CHAINMAIL_PASSPHRASE_FILE: right })).code, 0);
  assert.equal((await chainmail([...list, '--passphrase-file', right], { CHAINMAIL_PASSPHRASE_FILE: wrong })).code, 0);
  const bare = join(folder, 'bare');
  const { code, stderr, stdout } = await chainmail(['authority', 'init', '--dir', bare, '--mesh', 'bare', '--json']);
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /hint: give --passphrase-file/);
});

test('bad input and damaged state are refused with a code and what to do', async (t) => {
  const { dir, folder } = await initialised(t);
  const pw = join(folder, 'pw');
  writeFileSync(pw, 'x');
  const init = (...more: string[]) =>
    chainmail(['authority', 'init', '--dir', join(folder, 'new'), '--passphrase-file', pw, '--json', ...more]);
  for (const name of ['Bad Name', 'demo-', '7up', 'x'.repeat(32)]) {
    const { code, stdout, stderr } = await init('--mesh', name);
    assert.deepEqual([code, stdout], [2, ''], name);
    assert.ok(stderr.includes(MESH_NAME_RULE), stderr);
  }
  for (const wrong of [
    ['revoke', '--node-id', 'No Label'],
    ['revoke', '--serial', 'no hex'],
    ['ticket', 'create', '--out', join(folder, 'none'), '--node-id', 'authority'],
    ['delegate', 'issue', '--scope', 'what ever', '--wallet', `0x${'1'.repeat(40)}`],
    ['delegate', 'issue', '--scope', 'command:issue', '--ttl', '31d', '--wallet', `0x${'1'.repeat(40)}`],
  ])
    assert.equal((await chainmail([...wrong, '--dir', dir])).code, 2, wrong.join(' '));
  assert.equal((await refusal('nodes', '--dir', join(folder, 'nothing'))).code, 'ERR_DIR_NOT_INITIALISED');
  assert.equal((await refusal('revoke', '--dir', dir, '--node-id', 'nobody')).code, 'ERR_REVOKE_UNKNOWN');
  const unknown = await refusal('ticket', 'cancel', 'ffffffffffffffff', '--dir', dir);
  assert.deepEqual([unknown.code, unknown.hint], ['ERR_NOT_FOUND', `see: chainmail ticket list --dir ${dir}`]);
  writeFileSync(join(dir, 'chainmail.yaml'), `${readFileSync(join(dir, 'chainmail.yaml'), 'utf8')}\nlissten: x\n`);
  const misspelt = await refusal('nodes', '--dir', dir);
  assert.equal(misspelt.code, 'ERR_CONFIG');
  assert.match(misspelt.message, /lissten/);
  writeFileSync(join(dir, 'chainmail.yaml'), 'mesh: other\n');
  assert.match((await refusal('nodes', '--dir', dir)).code, /^ERR_STATE_FOREIGN$/);
  writeFileSync(join(dir, 'chainmail.yaml'), 'mesh: depot\n');
  writeFileSync(join(dir, 'authority.db'), 'x'.repeat(9_000));
  assert.equal((await refusal('nodes', '--dir', dir)).code, 'ERR_STATE_CORRUPT');
});

test('wrong usage exits 2 with text on standard error, whatever --json says', async () => {
  for (const args of [
    ['authority', 'init', '--dir', 'x', '--mesh', 'y', '--bogus'],
    ['ticket', 'create', '--json'],
    ['ticket', 'create', '--dir', 'x', '--out', 'y', '--ttl', 'soon'],
    ['ticket', 'create', '--dir', 'x', '--out', 'y', '--uses', '0'],
    ['revoke', '--dir', 'x'],
    ['authority', 'init', '--dir', 'x', '--mesh', 'y', '--listen', 'bogus', '--json'],
    ...['bogus', ':0', '127.0.0.1', '127.0.0.1:99999', ''].map((listen) => [
      'authority',
      'run',
      '--dir',
      'x',
      '--listen',
      listen,
    ]),
    ['authority', 'run', '--dir', 'x', '--log-level', 'loud'],
    ['authority', 'init', '--dir', 'x', '--mesh', 'y', '--certificate-life', '8d'],
    ['authority', 'init', '--dir', 'x', '--mesh', 'y', '--host', 'no_host!'],
    ['ticket', 'create', '--dir', 'x', '--out', 'y', '--ttl', '31d'],
    ['ticket', 'create', '--dir', 'x', '--out', 'y', '--role', 'Bad Role'],
    ['nonsense'],
    ['ticket', 'cancel', '--dir', 'x'],
    ['nodes', '--dir', 'x', 'extra'],
  ]) {
    const { code, stdout, stderr } = await chainmail(args);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, /^chainmail: error: /, args.join(' '));
  }
  const { stderr } = await chainmail(['authority', 'run', '--dir', 'x', '--listen', 'bogus']);
  assert.match(stderr, /--listen <host:port>.*expected HOST:PORT[^]*--help/, 'what is wrong, and where help is');
  const help = await chainmail(['ticket', 'create', '--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Example:\n {2}\$ chainmail ticket create /);
});

test('a directory too deep for a socket’s path works all the same', async (t) => {
  const folder = tempDir(t);
  const dir = join(folder, 'x'.repeat(80), 'y'.repeat(80));
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileSync(join(dir, 'passphrase'), 'x', { mode: 0o600 });
  assert.equal((await chainmail(['authority', 'init', '--dir', dir, '--mesh', 'deep'])).code, 0);
  await runAuthority(t, dir);
  assert.equal((await chainmail(['nodes', '--dir', dir])).stdout, 'no nodes yet\n');
});

test('a reader that goes away ends a command in silence', { skip: missing('sh', 'true') }, async (t) => {
  const { dir } = await initialised(t);
  const command = `"${process.execPath}" "${join(import.meta.dirname, '../../../bin/chainmail.mjs')}" ticket list --dir "${dir}" | true`;
  const { stderr } = await shell('sh', ['-c', command]);
  assert.equal(stderr, '');
});

test('a role that grants nothing is told, one that is known is not', async (t) => {
  const { dir, folder } = await initialised(t);
  const create = (role: string) =>
    chainmail(['ticket', 'create', '--dir', dir, '--out', join(folder, `${role}.ticket`), '--role', role, '--json']);
  const known = await create('operator');
  assert.deepEqual([known.code, known.stderr], [0, '']);
  const misspelt = await create('operater');
  assert.equal(misspelt.code, 0, 'messages may be addressed to a role of any name');
  assert.match(misspelt.stderr, /warning: role "operater" grants nothing.*sensor, relay, operator/);
});
