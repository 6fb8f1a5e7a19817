import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { EnrollResponse, NodesResponse, RevokeResult } from '../../../src/api/authority.ts';
import { MESH_NAME_RULE } from '../../../src/identity/mesh-name.ts';
import { parseTicket, type Ticket } from '../../../src/api/ticket.ts';
import { chainmail, LongCommand, type ToldError } from '../../support/processes/chainmail.ts';
import { missing } from '../../support/foreign/programs.ts';
import { tempDir } from '../../support/temp-dir.ts';

type Context = Parameters<typeof tempDir>[0];

interface Ready {
  readonly event: string;
  readonly url: string;
  readonly mesh: string;
}

/** An authority's directory with its passphrase in it, made by the command itself. */
async function initialised(t: Context, mesh = 'depot'): Promise<{ readonly dir: string; readonly folder: string }> {
  const folder = tempDir(t);
  const dir = join(folder, mesh);
  mkdirSync(dir, { mode: 0o700 });
  writeFileSync(join(dir, 'passphrase'), 'correct horse\n', { mode: 0o600 });
  const { code, stderr } = await chainmail(['authority', 'init', '--dir', dir, '--mesh', mesh]);
  assert.equal(code, 0, stderr);
  return { dir, folder };
}

async function run(t: Context, dir: string, ...more: string[]): Promise<LongCommand & { ready: Ready }> {
  const command = new LongCommand(['authority', 'run', '--dir', dir, '--listen', '127.0.0.1:0', '--json', ...more]);
  t.after(() => {
    void command.end('SIGKILL');
  });
  return Object.assign(command, { ready: await command.json<Ready>() });
}

async function ticketOf(dir: string, file: string, ...more: string[]): Promise<Ticket> {
  const { code, stderr } = await chainmail(['ticket', 'create', '--dir', dir, '--out', file, ...more]);
  assert.equal(code, 0, stderr);
  return parseTicket(readFileSync(file, 'utf8'));
}

/** What a command that is refused tells with `--json`. */
async function refusal(...args: string[]): Promise<ToldError['error']> {
  const { code, stdout, stderr } = await chainmail([...args, '--json']);
  assert.equal(code, 1, `${stdout}${stderr}`);
  const told = JSON.parse(stdout) as ToldError;
  assert.equal(told.ok, false);
  return told.error;
}

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
  const authority = await run(t, dir);
  assert.equal(authority.ready.event, 'ready');
  assert.equal(authority.ready.mesh, 'depot');
  assert.match(authority.ready.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(await authority.end(), 0);
  assert.equal(existsSync(join(dir, 'control.sock')), false);
});

test('a ticket is one file, made while the authority runs and while it does not', async (t) => {
  const { dir, folder } = await initialised(t);
  const authority = await run(t, dir);
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

test('a stranger joins with openssl and curl, and is put out with curl', {
  skip: missing('openssl', 'curl'),
}, async (t) => {
  const { dir, folder } = await initialised(t);
  const { ready } = await run(t, dir);
  const at = (name: string): string => join(folder, name);
  const ticket = await ticketOf(dir, at('t'));
  writeFileSync(at('root.pem'), ticket.trust_anchor);
  await shell('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', at('k.pem')]);
  await shell('openssl', ['req', '-new', '-key', at('k.pem'), '-subj', '/CN=whatever', '-out', at('r.pem')]);
  const post = async (path: string, body: object, ...more: string[]): Promise<string> => {
    const call = ['-sS', '-m', '10', '--cacert', at('root.pem'), '-H', 'content-type: application/json'];
    const { stdout } = await shell('curl', [...call, '-d', JSON.stringify(body), ...more, `${ready.url}${path}`]);
    return stdout;
  };
  const request = { token: ticket.token, csr: readFileSync(at('r.pem'), 'utf8') };
  const answer = JSON.parse(await post('/v1/enroll', request)) as EnrollResponse;
  writeFileSync(at('node.pem'), answer.certificate);
  writeFileSync(at('ca.pem'), answer.ca_cert);
  const { stdout: verified } = await shell('openssl', ['verify', '-CAfile', at('ca.pem'), at('node.pem')]);
  assert.match(verified, /OK/);
  assert.deepEqual(JSON.parse(await post('/v1/enroll', request)), answer);

  const admin = ['--cert', join(dir, 'admin/admin.pem'), '--key', join(dir, 'admin/admin.key')];
  const head = await post('/v1/revoke', { node_id: answer.node_id, reason: 'keyCompromise' }, ...admin, '-D', '-');
  assert.match(head, /^HTTP\/1\.1 204 /);
  const number = /chainmail-crl-number: (\d+)/i.exec(head)?.[1];
  const list = ['-sS', '--cacert', at('root.pem'), '-H', 'accept: application/x-pem-file', '-o', at('crl.pem')];
  await shell('curl', [...list, `${ready.url}/v1/crl`]);
  const check = ['verify', '-CAfile', at('ca.pem'), '-CRLfile', at('crl.pem'), '-crl_check', at('node.pem')];
  await assert.rejects(shell('openssl', check), /certificate revoked/);
  const { stdout: nodes } = await chainmail(['nodes', '--dir', dir, '--json']);
  assert.deepEqual(
    (JSON.parse(nodes) as NodesResponse).nodes.map(({ node_id, status }) => [node_id, status]),
    [[answer.node_id, 'revoked']],
  );
  const { stdout: again } = await chainmail(['revoke', '--dir', dir, '--node-id', answer.node_id, '--json']);
  assert.equal(String((JSON.parse(again) as RevokeResult).crl_number), number);
});

test('enroll makes a node, is safe to repeat, refuses a ticket that is spent, and renews with a fresh one', async (t) => {
  const { dir, folder } = await initialised(t);
  await run(t, dir);
  const [one, two, ticket, passphrase] = ['n1', 'n2', 't', 'pw'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  writeFileSync(passphrase, 'node secret');
  await ticketOf(dir, ticket);
  const enroll = (into: string) => [
    'node',
    'enroll',
    '--dir',
    into,
    '--ticket',
    ticket,
    '--passphrase-file',
    passphrase,
  ];
  const first = await chainmail([...enroll(one), '--json']);
  assert.equal(first.code, 0, first.stderr);
  const again = await chainmail([...enroll(one), '--json']);
  assert.deepEqual(JSON.parse(again.stdout), JSON.parse(first.stdout));
  assert.equal((await refusal(...enroll(two))).code, 'ERR_TICKET_REFUSED');
  for (const file of ['node.pem', 'ca.pem']) assert.ok(existsSync(join(one, file)));
  const other = join(folder, 'other.ticket');
  await ticketOf(dir, other);
  const renewed = await chainmail([...enroll(one).with(5, other), '--json']);
  assert.equal(renewed.code, 0, renewed.stdout);
  const idOf = (stdout: string): unknown => (JSON.parse(stdout) as { node_id: unknown }).node_id;
  assert.equal(idOf(renewed.stdout), idOf(first.stdout), 'the same node, with a fresh certificate');
});

test('enroll trusts the anchor of its ticket and no other', async (t) => {
  const ours = await initialised(t);
  const theirs = await initialised(t, 'other');
  await run(t, ours.dir);
  const { ready } = await run(t, theirs.dir);
  const file = join(ours.folder, 't');
  const ticket = await ticketOf(ours.dir, file);
  writeFileSync(join(ours.folder, 'bent'), JSON.stringify({ ...ticket, endpoint: ready.url }));
  writeFileSync(join(ours.folder, 'pw'), 'x');
  const enroll = (name: string) =>
    refusal(
      'node',
      'enroll',
      '--dir',
      join(ours.folder, 'n'),
      '--ticket',
      join(ours.folder, name),
      '--passphrase-file',
      join(ours.folder, 'pw'),
    );
  assert.equal((await enroll('bent')).code, 'ERR_UNREACHABLE');
  writeFileSync(join(ours.folder, 'broken'), '{"format":"chainmail-ticket-1"}');
  assert.equal((await enroll('broken')).code, 'ERR_TICKET_MALFORMED');
  assert.equal((await enroll('nowhere')).code, 'ERR_TICKET_MALFORMED');
});

test('nothing acknowledged is lost by kill -9, and what is left starts again', async (t) => {
  const { dir, folder } = await initialised(t);
  writeFileSync(join(folder, 'pw'), 'x');
  const enrolled: string[] = [];
  const spent: string[] = [];
  for (let round = 0; round < 3; round++) {
    const authority = await run(t, dir);
    const file = join(folder, `t${round}`);
    await ticketOf(dir, file);
    const into = join(folder, `n${round}`);
    const args = ['node', 'enroll', '--dir', into, '--ticket', file, '--passphrase-file', join(folder, 'pw'), '--json'];
    const { stdout } = await chainmail(args);
    const { node_id } = JSON.parse(stdout) as { node_id: string };
    enrolled.push(node_id);
    spent.push(file);
    if (round === 1) assert.equal((await chainmail(['revoke', '--dir', dir, '--node-id', enrolled[0] ?? ''])).code, 0);
    assert.equal(await authority.end('SIGKILL'), 'SIGKILL');
    // The endpoint changes with the port, so the next ticket is made by the next run.
  }
  await run(t, dir);
  const { stdout } = await chainmail(['nodes', '--dir', dir, '--json']);
  const { nodes } = JSON.parse(stdout) as NodesResponse;
  assert.deepEqual(nodes.map(({ node_id }) => node_id).sort(), enrolled.toSorted());
  assert.deepEqual(
    nodes.filter(({ status }) => status === 'revoked').map(({ node_id }) => node_id),
    [enrolled[0]],
  );
  const { stdout: tickets } = await chainmail(['ticket', 'list', '--dir', dir, '--json']);
  const list = JSON.parse(tickets) as { tickets: { status: string }[] };
  assert.deepEqual(
    list.tickets.map(({ status }) => status),
    Array(3).fill('spent'),
  );
});

test('revoke --watch says that the authority has ended', async (t) => {
  const { dir, folder } = await initialised(t);
  const authority = await run(t, dir);
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

test('a second process on one directory, and a port in use, are told as such', async (t) => {
  const { dir } = await initialised(t);
  const other = await initialised(t, 'other');
  const { ready, child } = await run(t, dir);
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

test('admin add makes a credential that works, and revoking it ends that', { skip: missing('curl') }, async (t) => {
  const { dir, folder } = await initialised(t);
  const { ready } = await run(t, dir);
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
  const authority = await run(t, dir);
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

test('a directory too deep for a socket’s path works all the same', async (t) => {
  const folder = tempDir(t);
  const dir = join(folder, 'x'.repeat(80), 'y'.repeat(80));
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileSync(join(dir, 'passphrase'), 'x', { mode: 0o600 });
  assert.equal((await chainmail(['authority', 'init', '--dir', dir, '--mesh', 'deep'])).code, 0);
  await run(t, dir);
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
