import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { DAY_MS, HOUR_MS, SECOND_MS, type UnixMs } from '../../../src/base/time.ts';
import { encodePem, parsePem } from '../../../src/codec/pem.ts';
import { CONFIG_FILE } from '../../../src/daemon/config.ts';
import { nodeLayout } from '../../../src/daemon/directory.ts';
import { NODE_MAJOR_MIN, requireRuntime, type RunningNode, runNode } from '../../../src/daemon/node/run.ts';
import { addressesOf } from '../../../src/daemon/node/addresses.ts';
import { loadNodeConfig, NODE_CONFIG_TEXT, NODE_LISTEN_DEFAULT } from '../../../src/daemon/node/config.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { exchange } from '../../../src/host/http/client.ts';
import { FileKeyStore } from '../../../src/host/keys/file-key-store.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { WALLET_ENTRIES_MAX } from '../../../src/node/wallet-policy.ts';
import { passphrase, SILENT } from '../../support/processes/authority-process.ts';
import { TestMesh, type MemberWish } from '../../support/mesh/nodes-on-loopback.ts';
import { tempDir } from '../../support/temp-dir.ts';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

/** The directory of a node as enrolment leaves it, with an authority that nobody can reach. */
async function nodeDirectory(t: TestContext, wish: MemberWish = {}): Promise<string> {
  const directory = tempDir(t);
  const layout = nodeLayout(directory);
  const keys = await FileKeyStore.open(layout.keys, passphrase());
  await keys.generate('identity');
  const [pkcs8] = parsePem(await keys.exportPem('identity'), 'PRIVATE KEY');
  assert.ok(pkcs8 !== undefined);
  const { nodeId, tls } = await mesh.member({ ...wish, pkcs8 });
  writeFileSync(layout.certificate, tls.certificate);
  writeFileSync(layout.caCertificates, encodePem('CERTIFICATE', mesh.intermediate.der) + mesh.rootPem);
  const config = {
    mesh: mesh.mesh,
    node_id: nodeId,
    bootstrap_peers: [],
    gossip_fanout: 3,
    crl_url: 'https://127.0.0.1:1/v1/crl',
  };
  writeFileSync(layout.enrollment, JSON.stringify({ token_hash: 'ab', endpoint: 'https://127.0.0.1:1', config }));
  return directory;
}

async function run(t: TestContext, directory: string, flags: object = {}): Promise<RunningNode> {
  const node = await runNode({
    directory,
    passphrase: passphrase(),
    environment: {},
    flags: { listen: '127.0.0.1:0', multicast: false, ...flags },
    log: SILENT,
  });
  t.after(() => node.close());
  return node;
}

async function statusOf(directory: string): Promise<{ links: { node_id: string }[]; incarnation: number }> {
  const answer = await exchange(
    { tag: 'socket', path: controlSocketOf(directory) },
    { method: 'GET', path: '/v1/status' },
  );
  return JSON.parse(new TextDecoder().decode(answer.body)) as { links: { node_id: string }[]; incarnation: number };
}

describe('a node’s process', () => {
  it('S1.29: runs without its authority, and finds a peer that its configuration names', async (t) => {
    const [first, second] = [await nodeDirectory(t), await nodeDirectory(t)];
    const a = await run(t, first);
    const b = await run(t, second, { bootstrap: [a.address] });
    while (!(await statusOf(second)).links.some(({ node_id }) => node_id === a.nodeId));
    await b.close();
    await b.close();
  });

  it('T24: opens a stream above all that it ever had, at every start', async (t) => {
    const directory = await nodeDirectory(t);
    const incarnations: number[] = [];
    for (let start = 0; start < 3; start++) {
      const node = await run(t, directory);
      incarnations.push((await statusOf(directory)).incarnation);
      await node.close();
    }
    assert.deepEqual(
      incarnations,
      [...new Set(incarnations)].toSorted((x, y) => x - y),
    );
  });

  it('refuses an expired certificate, and says what to do', async (t) => {
    const issuedAt = (systemClock.wall() - 2 * DAY_MS) as UnixMs;
    const directory = await nodeDirectory(t, { issuedAt, lifeMs: HOUR_MS });
    await assert.rejects(run(t, directory), (error: { code: string; hint: string }) => {
      assert.equal(error.code, 'ERR_PATH_EXPIRED');
      assert.match(error.hint, /chainmail node enroll/);
      return true;
    });
  });

  it('lets go of everything where it cannot start', async (t) => {
    const directory = await nodeDirectory(t);
    const other = await run(t, await nodeDirectory(t));
    await assert.rejects(run(t, directory, { listen: other.address }), { code: 'ERR_PORT_IN_USE' });
    await assert.rejects(run(t, directory, { listen: '198.51.100.77:0' }), { code: 'ERR_CONFIG' });
    await run(t, directory);
    await assert.rejects(run(t, directory), { code: 'ERR_DIR_LOCKED' });
  });
});

describe('a node’s configuration', () => {
  it('every knob is in the file that enrolment writes, in comments, with its default', (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, CONFIG_FILE), NODE_CONFIG_TEXT);
    const sources = { directory, environment: {}, flags: {} };
    const defaults = loadNodeConfig(sources);
    assert.equal(defaults.listen, NODE_LISTEN_DEFAULT);
    assert.equal(defaults.crl_poll, 10 * SECOND_MS);
    writeFileSync(join(directory, CONFIG_FILE), NODE_CONFIG_TEXT.replace(/^# (?=[a-z_]+: )/gm, ''));
    const all = loadNodeConfig(sources);
    assert.deepEqual(Object.keys(all).sort(), [
      'advertise',
      'batch_signatures',
      'bootstrap',
      'crl_poll',
      'listen',
      'log_level',
      'multicast',
      'name',
      'signed_requests',
      'wallets',
    ]);
    const { advertise: _, bootstrap: __, name: ___, signed_requests: ____, ...same } = all;
    assert.deepEqual({ ...same, bootstrap: [], signed_requests: [] }, defaults);
  });

  for (const [knob, value] of [
    ['listen', '8441'],
    ['listen', 'host:99999'],
    ['advertise', 'h:1'],
    ['advertise', ['h:0']],
    ['bootstrap', ['nowhere']],
    ['multicast', 'no'],
    ['batch_signatures', 'maybe'],
    ['crl_poll', '1ms'],
    ['crl_poll', '2d'],
    ['name', ''],
    ['name', 'x'.repeat(33)],
    ['wallets', 'all'],
    ['wallets', ['7e5f4552091a69125d5dfcb7b8c2659029395bdf']],
    ['wallets', [`0x${'7e'.repeat(19)}`]],
    ['wallets', ['*', '* relay']],
    ['wallets', ['* Command']],
    ['wallets', Array.from({ length: WALLET_ENTRIES_MAX + 1 }, (_, i) => `0x${String(i).padStart(40, '0')}`)],
    ['log_level', 'loud'],
  ] as const)
    it(`refuses ${knob}: ${JSON.stringify(value).slice(0, 40)}`, (t) => {
      const sources = { directory: tempDir(t), environment: {}, flags: { [knob]: value } };
      assert.throws(
        () => loadNodeConfig(sources),
        (error: { code: string; message: string }) => {
          assert.equal(error.code, 'ERR_CONFIG');
          assert.match(error.message, new RegExp(knob));
          return true;
        },
      );
    });

  it('says where others reach it: as told, where it listens, or at every interface', () => {
    assert.deepEqual(addressesOf({ advertise: ['gate.example:1', '192.0.2.1:2'] }, '0.0.0.0', 9), [
      'gate.example:1',
      '192.0.2.1:2',
    ]);
    assert.deepEqual(addressesOf({ advertise: undefined }, '127.0.0.1', 9), ['127.0.0.1:9']);
    assert.deepEqual(addressesOf({ advertise: undefined }, '::1', 9), ['[::1]:9']);
    const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => `${address}:9`));
    const all = addressesOf({ advertise: undefined }, '0.0.0.0', 9);
    assert.ok(all.length > 0 && all.every((address) => own.includes(address)));
  });
});

describe('the runtime of a node (T13)', () => {
  it('may be no older than the one that is pinned', () => {
    requireRuntime(process.versions.node);
    requireRuntime(`${NODE_MAJOR_MIN}.0.0`);
    assert.throws(() => requireRuntime(`${NODE_MAJOR_MIN - 1}.99.0`), { code: 'ERR_RUNTIME', message: /too old/ });
  });
});
