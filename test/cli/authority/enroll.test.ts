import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { NodesResponse, RevokeResult } from '../../../src/api/authority.ts';
import type { EnrollResponse } from '../../../src/api/enrollment.ts';
import { chainmail } from '../../support/processes/chainmail.ts';
import { missing } from '../../support/foreign/programs.ts';
import { initialised, refusal, runAuthority, ticketOf } from './authority-directory.ts';

const shell = promisify(execFile);

test('a stranger joins with openssl and curl, and is put out with curl', {
  skip: missing('openssl', 'curl'),
}, async (t) => {
  const { dir, folder } = await initialised(t);
  const { ready } = await runAuthority(t, dir);
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
  await runAuthority(t, dir);
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
  await runAuthority(t, ours.dir);
  const { ready } = await runAuthority(t, theirs.dir);
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
    const authority = await runAuthority(t, dir);
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
  await runAuthority(t, dir);
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
