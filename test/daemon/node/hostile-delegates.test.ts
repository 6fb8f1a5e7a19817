import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, before, describe, it } from 'node:test';
import { type UnixMs, HOUR_MS, unixSeconds } from '../../../src/base/time.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { type DelegateSigner, delegateSignerOf, generateDelegateKey } from '../../../src/daemon/delegate/signer.ts';
import { readStatement } from '../../../src/daemon/delegate/files.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { parseMessageType } from '../../../src/message/family.ts';
import { assembleMessage, composeMessage } from '../../../src/message/message.ts';
import type { EnrolledByHand } from '../../support/hostile/enroll-by-hand.ts';
import { HonestMesh } from '../../support/hostile/honest-mesh.ts';
import { HostileLink, TYPE } from '../../support/hostile/hostile-link.ts';
import { chainmail } from '../../support/processes/chainmail.ts';

interface Device {
  readonly signer: DelegateSigner;
  readonly statement: Uint8Array;
}

/** What is wrong with what a device says. */
interface Odd {
  readonly type?: string;
  readonly origin?: string;
  readonly signer?: DelegateSigner;
  readonly statement?: Uint8Array;
}

describe('a delegate beyond its scope, brought over a real link past every program of its node (T1, T4)', () => {
  const mesh = HonestMesh.ofSuite(2);
  const links: HostileLink[] = [];
  let member: EnrolledByHand;
  let device: Device;
  let other: Device;
  let counter = 0;

  /** A device makes its key, and the authority vouches for it as far as `sensor/temperature`. */
  async function deviceOf({ nodeId }: EnrolledByHand, name: string): Promise<Device> {
    const { folder, authorityDir } = mesh.authority;
    const signer = delegateSignerOf(generateDelegateKey('P-256'));
    const out = join(folder, `${name}.delegate`);
    const key = `P-256:${signer.key.bytes.toHex()}`;
    const wish = ['--node-id', nodeId, '--key', key, '--scope', 'publish:sensor/temperature', '--out', out];
    const { code, stdout, stderr } = await chainmail(['delegate', 'issue', '--dir', authorityDir, ...wish]);
    assert.equal(code, 0, `${stdout}${stderr}`);
    return { signer, statement: readStatement(out) };
  }

  function said(by: Device, { type = 'sensor/temperature', origin, signer, statement }: Odd = {}) {
    const messageType = parseMessageType(type);
    const now = (unixSeconds(Date.now() as UnixMs) * 1_000) as UnixMs;
    const shown = statement ?? by.statement;
    const composed = composeMessage(parseMeshName(member.mesh), {
      algorithm: 'ES256',
      type: messageType,
      contentType: messageType.contentType,
      origin: parseNodeId(origin ?? member.nodeId),
      audience: undefined,
      incarnation: 1,
      counter: counter++,
      issuedAt: now,
      expiresAt: (now + HOUR_MS) as UnixMs,
      voucherHash: sha256(shown),
      delegate: { statement: shown },
      payload: new TextEncoder().encode('21'),
    });
    return assembleMessage(composed, (signer ?? by.signer).sign(composed.toBeSigned, 1));
  }

  /** Of a member that has done no harm yet: who brings such things is not let in for long. */
  async function link(): Promise<HostileLink> {
    const up = await HostileLink.up(mesh.victim.ready.address, await mesh.member());
    links.push(up);
    return up;
  }

  async function isListed(id: string): Promise<boolean[]> {
    return Promise.all(mesh.nodes.map(async (node) => (await node.listed()).has(id)));
  }

  async function droppedFor(reason: string): Promise<number> {
    const { counters } = (await mesh.statusOf(mesh.victim)) as { counters: { dropped: Record<string, number> } };
    return counters.dropped[reason] ?? 0;
  }

  before(async () => {
    member = await mesh.member();
    device = await deviceOf(member, 'device');
    other = await deviceOf(member, 'other');
    // Until the list with the branch has come, nobody can tell.
    const open = await link();
    for (;;) {
      const message = said(device);
      open.say([TYPE.message, message.bytes]);
      assert.ok(await open.isAlive());
      if ((await isListed(message.id))[0] === true) break;
    }
  });
  afterEach(async () => {
    for (const open of links.splice(0)) open.end();
    await mesh.isWell();
  });

  it('within its scope is heard by all', async () => {
    const open = await link();
    const message = said(device);
    open.say([TYPE.message, message.bytes]);
    for (const node of mesh.nodes) await node.untilListed(new Set([message.id]));
  });

  const changed = (statement: Uint8Array): Uint8Array => {
    const copy = statement.slice();
    const at = Buffer.from(copy).indexOf('temperature');
    copy.set(new TextEncoder().encode('temperaturf'), at);
    return copy;
  };
  for (const [what, reason, odd] of [
    ['a type that its scope does not name', 'not-permitted', () => ({ type: 'sensor/humidity' })],
    ['a type below one that its scope names', 'not-permitted', () => ({ type: 'sensor/temperature/x' })],
    ['a command', 'not-permitted', () => ({ type: 'command/stop' })],
    ['an indicator', 'not-permitted', () => ({ type: 'indicator' })],
    ['in the name of another node', 'wrong-origin', () => ({ origin: mesh.victim.nodeId })],
    ['with the key of another device', 'bad-signature', () => ({ signer: other.signer })],
    [
      'with a scope that was changed',
      'wrong-origin',
      () => ({ statement: changed(device.statement), type: 'sensor/temperaturf' }),
    ],
  ] as const satisfies readonly (readonly [string, string, () => Odd])[])
    it(`${what}: ${reason}, and goes nowhere`, async () => {
      const before = await droppedFor(reason);
      const open = await link();
      const message = said(device, odd());
      open.say([TYPE.message, message.bytes]);
      await open.isAlive();
      const isJudged = async () => (await droppedFor(reason)) > before || (await isListed(message.id)).includes(true);
      await mesh.victim.untilEvent(isJudged);
      assert.deepEqual([await droppedFor(reason), await isListed(message.id)], [before + 1, [false, false]]);
    });
});
