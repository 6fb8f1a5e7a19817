import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fromBase64, toBase64, toHex } from '../../src/base/bytes.ts';
import { HOUR_MS } from '../../src/base/time.ts';
import { connect, type MeshClient, type Refusal, type VerifiedMessage } from '../../src/client/client.ts';
import { uncompressPoint } from '../../src/crypto/curve/curve-point.ts';
import { Secret } from '../../src/crypto/secret.ts';
import type { RunningAuthority } from '../../src/daemon/authority/run.ts';
import { generateDelegateKey, delegateSignerOf } from '../../src/daemon/delegate/signer.ts';
import { renderStatement } from '../../src/message/statement-pem.ts';
import { controlSocketOf } from '../../src/host/http/control-socket.ts';
import { exchange } from '../../src/host/http/client.ts';
import { encodeWalletStatement } from '../../src/message/delegate-statement.ts';
import { signWalletDelegate } from '../../src/message/river/wallet-delegate.ts';
import { walletOf } from '../../src/message/river/wallet.ts';
import { startAuthority } from '../support/processes/authority-process.ts';
import { LyingNode } from '../support/lying-node.ts';
import { NodeProcess } from '../support/processes/node-process.ts';
import { TestMesh } from '../support/mesh/nodes-on-loopback.ts';
import { tempDir } from '../support/temp-dir.ts';

const INDICATOR = '{"kind":"hash","value":"00ff","risk":50}';

describe('a program beside a node that lies', () => {
  const folder = tempDir({ after });
  const authorityDir = join(folder, 'authority');
  let authority: RunningAuthority;
  let near: NodeProcess;
  let far: NodeProcess;
  let liar: LyingNode;
  let trustAnchor: string;
  /** Message ids, by who signed. */
  const ids = { certificate: '', batch: [] as readonly string[], device: '', subtree: '', wallet: '', far: '' };
  let device: { id: string; statement: string; key: string };

  before(async () => {
    mkdirSync(authorityDir, { mode: 0o700 });
    authority = await startAuthority(authorityDir);
    near = await NodeProcess.enroll(folder, 'near', authorityDir);
    far = await NodeProcess.enroll(folder, 'far', authorityDir);
    await near.run();
    await far.run();
    await near.linkedWith(far);
    trustAnchor = readFileSync(join(near.dir, 'ca.pem'), 'utf8');
    liar = await LyingNode.listen(join(folder, 'liar.sock'), controlSocketOf(near.dir));
    await everybodySpeaks();
  });
  after(async () => {
    liar.close();
    await near.end('SIGKILL');
    await far.end('SIGKILL');
    await authority.close();
  });

  async function desk(path: string, body: object): Promise<Record<string, unknown>> {
    const target = { tag: 'socket', path: controlSocketOf(authorityDir) } as const;
    const answer = await exchange(target, { method: 'POST', path, body });
    const text = new TextDecoder().decode(answer.body);
    assert.ok(answer.status < 300, text);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  }

  const honest = (): Promise<MeshClient> => connect({ directory: near.dir });
  const lied = (more: object = {}): Promise<MeshClient> =>
    connect({ directory: near.dir, socket: liar.socket, trustAnchor, ...more });

  /** One of each kind that may sign. */
  async function everybodySpeaks(): Promise<void> {
    const client = await honest();
    ids.certificate = await client.publish({ type: 'indicator', payload: INDICATOR });
    ids.batch = await Promise.all(
      Array.from({ length: 8 }, (_, i) => client.publish({ type: 'sensor/batch', payload: `${i}` })),
    );
    ids.far = String((await far.publish('over there', 'sensor/far')).json['message_id']);
    const deviceKey = generateDelegateKey('P-256');
    const { key: p256 } = delegateSignerOf(deviceKey);
    const issued = await desk('/v1/delegates', {
      node_id: near.nodeId,
      curve: p256.curve,
      public_key: toHex(p256.bytes),
      scope: ['publish:sensor/temperature'],
    });
    const statement = renderStatement(fromBase64(String(issued['statement'])));
    device = { id: String(issued['id']), statement, key: deviceKey };

    const { xprv, xpub } = await desk('/v1/key-tree/subtree', {});
    const ofSubtree = await desk('/v1/delegates', { node_id: near.nodeId, xpub, scope: ['publish:sensor/plain'] });
    const plain = { statement: renderStatement(fromBase64(String(ofSubtree['statement']))), key: `${String(xprv)}\n` };

    const walletKey = generateDelegateKey('secp256k1');
    const { key: k1 } = delegateSignerOf(walletKey);
    const wallet = walletOf(new Secret(new Uint8Array(32).fill(7)));
    const notAfter = Date.now() + HOUR_MS;
    const { signature } = signWalletDelegate(wallet, uncompressPoint('secp256k1', k1.bytes), BigInt(notAfter));
    await desk('/v1/wallets', { address: `0x${toHex(wallet.address)}`, scope: ['command:issue'], ttl_sec: 3_600 });
    const said = encodeWalletStatement({
      address: wallet.address,
      deviceKey: k1.bytes,
      notAfter: notAfter as never,
      signature,
    });
    await near.untilEvent(async () => {
      try {
        ids.device = await client.publishAs(device, { type: 'sensor/temperature', payload: '21.5' });
        ids.subtree = await client.publishAs(plain, { type: 'sensor/plain', payload: '21.6' });
        const operator = { statement: renderStatement(said), key: walletKey };
        ids.wallet = await client.publishAs(operator, { type: 'command/stop', payload: 'now' });
        return true;
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_DELEGATE_BRANCH', String(error));
        return false; // the list that lets them speak is under way
      }
    });
    await near.untilListed(new Set([ids.far]));
  }

  async function all(client: MeshClient, onRefused?: (refusal: Refusal) => void): Promise<VerifiedMessage[]> {
    const messages: VerifiedMessage[] = [];
    for await (const message of client.messages(onRefused === undefined ? {} : { onRefused })) messages.push(message);
    return messages;
  }

  /** Codes of what was refused, by the id that was claimed. */
  async function refusals(client: MeshClient): Promise<{ taken: string[]; refused: Record<string, string> }> {
    const refused: Record<string, string> = {};
    const taken = await all(client, ({ claimedId = '', error, isFault }) => {
      refused[claimedId] = `${isFault ? 'fault' : 'no'} ${error.code}`;
    });
    return { taken: taken.map(({ id }) => id), refused };
  }

  /** Alters each message that the node lists, or one of them. */
  function alter(change: (message: Record<string, unknown>) => Record<string, unknown>, only?: string): void {
    liar.lie = (path, json) => {
      if (!path.startsWith('/v1/messages?') || !Array.isArray(json['messages'])) return json;
      const messages = json['messages'] as Record<string, unknown>[];
      return {
        ...json,
        messages: messages.map((one) => (only === undefined || one['message_id'] === only ? change(one) : one)),
      };
    };
  }

  /** One bit, counted from the end. */
  function flipped(base64: unknown, fromEnd: number): string {
    const bytes = fromBase64(String(base64)).slice();
    bytes[bytes.length - fromEnd] = (bytes[bytes.length - fromEnd] as number) ^ 1;
    return toBase64(bytes);
  }

  it('takes what each kind of key signed, while the node is honest, and by itself knows who did', async () => {
    const messages = await all(await lied());
    const kindOf = (id: string): string | undefined => messages.find((one) => one.id === id)?.signedBy.kind;
    assert.deepEqual([ids.certificate, ids.far, ids.device, ids.subtree, ids.wallet].map(kindOf), [
      'certificate',
      'certificate',
      'delegate',
      'delegate',
      'delegate',
    ]);
    assert.ok(ids.batch.every((id) => kindOf(id) === 'certificate'));
    assert.match(messages.find(({ id }) => id === ids.wallet)?.origin ?? '', /^0x[0-9a-f]{40}$/);
    const device = messages.find(({ id }) => id === ids.device);
    assert.equal(new TextDecoder().decode(device?.payload), '21.5');
    const [indicator] = await (await lied()).indicators();
    assert.deepEqual([indicator?.value, indicator?.message.id], ['00ff', ids.certificate]);
  });

  it('believes what was signed, not what stands beside it', async () => {
    alter((one) => ({ ...one, payload: 'AAAA', origin: far.nodeId, type: 'sensor/x', content_type: 'a/b' }));
    const found = (await all(await lied())).find(({ id }) => id === ids.certificate);
    assert.equal(new TextDecoder().decode(found?.payload), INDICATOR);
    assert.equal(found?.origin, near.nodeId);
    assert.equal(found?.type, 'indicator');
  });

  for (const kind of ['certificate', 'device', 'subtree', 'wallet', 'far'] as const)
    it(`catches one changed bit in what ${kind === 'far' ? 'another node' : `a ${kind}`} signed`, async () => {
      for (const fromEnd of [1, 40, 68]) {
        // the last bits of the signature, its first half, the end of the payload
        alter((one) => ({ ...one, message: flipped(one['message'], fromEnd) }), ids[kind]);
        const { taken, refused } = await refusals(await lied());
        assert.ok(!taken.includes(ids[kind]) && taken.length > 8);
        assert.match(refused[ids[kind]] ?? '', /^fault ERR_MESSAGE_(SIGNATURE|PAYLOAD)$/);
        await assert.rejects(async () => all(await lied()), { code: /^ERR_MESSAGE_(SIGNATURE|PAYLOAD)$/ });
      }
    });

  it('catches one changed bit in a batch, in the message, its path and the signature of all', async () => {
    const [first = ''] = ids.batch;
    for (const fromEnd of [1, 66, 90, 110]) {
      alter((one) => ({ ...one, message: flipped(one['message'], fromEnd) }), first);
      const { taken, refused } = await refusals(await lied());
      assert.ok(!taken.includes(first));
      assert.match(refused[first] ?? '', /^(fault|no) ERR_MESSAGE_/);
    }
  });

  it('catches a message that is not signed, of another type than was asked for, and one that a stranger signed', async () => {
    alter((one) => ({ ...one, message: undefined }), ids.device);
    assert.equal((await refusals(await lied())).refused[ids.device], 'fault ERR_REMOTE');

    liar.lie = (path, json) => (path.startsWith('/v1/messages?') ? (liar.said.get('/v1/messages') ?? json) : json);
    const client = await lied();
    await assert.rejects(
      async () => {
        for await (const message of client.messages({ type: 'sensor/temperature' }))
          assert.equal(message.id, ids.device);
      },
      { code: 'ERR_REMOTE' },
    );

    const elsewhere = await TestMesh.make('depot');
    const mallory = await elsewhere.member({ nodeId: 'mallory' });
    const { signed } = await import('../http/node/support.ts');
    const forged = await signed(elsewhere, mallory);
    const leaf = mallory.chain.map(({ der }) => toBase64(der));
    alter((one) => ({ ...one, message: toBase64(forged.bytes) }), ids.device);
    const withMessages = liar.lie;
    assert.equal((await refusals(await lied())).refused[ids.device], 'no ERR_MESSAGE_UNKNOWN_ORIGIN');
    liar.lie = (path, json) =>
      path.startsWith('/v1/vouchers/') && json['certificates'] === undefined
        ? { certificates: leaf }
        : withMessages(path, json);
    assert.equal((await refusals(await lied())).refused[ids.device], 'fault ERR_PATH_NO_ANCHOR');
  });

  it('hears nothing twice, and only what it can check, while it follows', async () => {
    liar.lie = (path, json) => {
      if (!path.includes('follow=1')) return json;
      return json['type'] === 'sensor/forged' ? { ...json, message: flipped(json['message'], 1) } : [json, json, json];
    };
    const client = await lied();
    const refused: string[] = [];
    const stop = new AbortController();
    const heard: string[] = [];
    const onRefused = ({ error }: Refusal): number => refused.push(error.code);
    const begun = Promise.withResolvers<void>();
    const listening = (async () => {
      for await (const message of client.follow({ type: 'sensor/*', after: 'start', signal: stop.signal, onRefused })) {
        heard.push(message.id);
        if (heard.length === 1) begun.resolve();
        if (message.type === 'sensor/last') stop.abort();
      }
    })();
    await begun.promise;
    await client.publish({ type: 'sensor/forged', payload: 'x' });
    const last = await client.publish({ type: 'sensor/last', payload: 'y' });
    await listening;
    assert.equal(heard.at(-1), last);
    assert.equal(new Set(heard).size, heard.length);
    assert.ok([...ids.batch, ids.far, ids.device].every((id) => heard.includes(id)));
    assert.deepEqual(refused, ['ERR_MESSAGE_SIGNATURE']);
  });

  it('passes over what has expired', async () => {
    liar.lie = (_path, json) => json;
    const later = await lied({ now: () => Date.now() + 2 * HOUR_MS });
    const { taken, refused } = await refusals(later);
    assert.deepEqual(taken, []);
    assert.equal(refused[ids.far], 'no ERR_MESSAGE_EXPIRED');
  });

  it('hears no more of a device and a node that were revoked, though the node goes on', async () => {
    liar.lie = (_path, json) => json;
    const before = await lied();
    assert.ok((await all(before)).some(({ id }) => id === ids.device));
    const page = liar.said.get('/v1/messages') as Record<string, unknown>;
    const status = liar.said.get('/v1/status') as Record<string, unknown>;
    const hidden = structuredClone(status);
    const vouchers = new Map(liar.said);
    await desk('/v1/delegates/revoke', { id: device.id });
    await desk('/v1/revoke', { node_id: far.nodeId });
    await near.untilEvent(async () => !(await near.listed()).has(ids.device) && !(await near.listed()).has(ids.far));

    // It keeps what it had to drop, and passes the lists on: the list alone tells.
    liar.lie = (path, json) =>
      path.startsWith('/v1/messages?') ? page : (vouchers.get(path.startsWith('/v1/vouchers') ? path : '') ?? json);
    const { taken, refused } = await refusals(await lied());
    await before.refreshLists();
    assert.ok(taken.includes(ids.certificate));
    assert.ok(!taken.includes(ids.device) && !taken.includes(ids.far));
    assert.equal(refused[ids.device], 'no ERR_DELEGATE_REVOKED');
    assert.equal(refused[ids.far], 'no ERR_MESSAGE_REVOKED_ORIGIN');

    // It hides the new list as well: whoever asks the authority too hears of it.
    const lies = liar.lie;
    const old = [...vouchers].find(([path]) => path.startsWith('/v1/crls/'))?.[1];
    liar.lie = (path, json) =>
      path === '/v1/status' ? hidden : path.startsWith('/v1/crls/') ? (old ?? json) : lies(path, json);
    assert.ok(
      (await refusals(await lied())).taken.includes(ids.device),
      'nothing tells a program that asks nobody else',
    );
    const asking = await refusals(await lied({ authority: authority.url }));
    assert.equal(asking.refused[ids.device], 'no ERR_DELEGATE_REVOKED');
    assert.equal(asking.refused[ids.far], 'no ERR_MESSAGE_REVOKED_ORIGIN');

    // And a program that has heard of it once does not forget, whatever the node says then.
    assert.equal((await refusals(before)).refused[ids.device], 'no ERR_DELEGATE_REVOKED');
  });
});
