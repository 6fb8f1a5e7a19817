import assert from 'node:assert/strict';
import { type Bytes, concatBytes, utf8 } from '../../../../src/base/bytes.ts';
import { type Instant, unixSeconds } from '../../../../src/base/time.ts';
import { encodeFrame } from '../../../../src/engine/links/frame-codec.ts';
import type { Certificate } from '../../../../src/pki/x509/certificate/certificate.ts';
import { at, MeshFixture, NOW_MS } from '../../mesh/mesh-fixture.ts';
import { NodeNet } from '../../mesh/nodes-by-hand.ts';
import { mutateBytes, pick } from '../mutate/mutate-bytes.ts';
import { mutateCbor } from '../mutate/mutate-cbor.ts';
import type { FuzzTarget, Mutator } from '../target.ts';
import { validFrames } from './valid-frames.ts';

/** One to five frames, each as it is or changed, each behind its right length. */
const mutateFrames: Mutator = (random, corpus) => {
  const bodies = corpus.map((frame) => frame.subarray(4));
  const parts = Array.from({ length: 1 + random.below(5) }, () => {
    const body = random.chance(0.4) ? pick(random, bodies) : pick(random, [mutateCbor, mutateBytes])(random, bodies);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, body.length);
    return concatBytes(length, body);
  });
  return concatBytes(...parts);
};

/**
 * A whole node, linked with a member that says anything: nothing is thrown out of its engines, nothing that nobody
 * signed is held, and the next member finds it as it was (T3, T17).
 */
export const NODE_TARGET: FuzzTarget = {
  name: 'mesh-node',
  inputs: 1_500,
  soakInputs: 1_000_000,
  inputsPerSubject: 3_000,
  open: async () => {
    const fixture = await MeshFixture.create('fuzz', 'a', 'liar', 'author');
    const net = new NodeNet(fixture);
    const node = net.start('a');
    const liar = fixture.member('liar');
    const messages = [
      fixture.message('author', { counter: 0 }),
      fixture.message('author', { counter: 1, type: 'sensor/a', payload: utf8('21') }),
      fixture.message('liar', { counter: 0, type: 'sensor/a', payload: utf8('7') }),
      fixture.message('author', { counter: 2, forged: true }),
      fixture.message('liar', { counter: 1, origin: fixture.member('author').nodeId }),
    ];
    const signed = new Set(messages.slice(0, 3).map(({ id }) => id as string));
    const [hello, ...others] = validFrames();
    assert.ok(hello.tag === 'hello');
    const chain = fixture.member('author').chain;
    const list = await fixture.authority.revoke([], NOW_MS);
    const issuerKeyHash = (chain[1] as Certificate).keyHash;
    const piece = { issuerKeyHash, number: unixSeconds(NOW_MS), offset: 0, total: list.length, bytes: list } as const;
    const frames = [
      ...others.filter(({ tag }) => tag !== 'bye'),
      ...messages.map(({ bytes }) => ({ tag: 'message', bytes }) as const),
      { tag: 'have', keys: messages.map(({ contentKey }) => contentKey) } as const,
      { tag: 'want', keys: messages.map(({ contentKey }) => contentKey) } as const,
      { tag: 'chain', certificates: chain.map(({ der }) => der) } as const,
      { tag: 'want-chains', voucherIds: chain.map(({ fingerprintHex }) => fingerprintHex) } as const,
      { tag: 'crls', crls: [{ issuerKeyHash, number: piece.number, thisUpdate: piece.number }] } as const,
      { tag: 'crl-piece', ...piece } as const,
    ];
    let link = 1_000_000;
    const feed = (input: Bytes): void => {
      const now: Instant = at((link - 1_000_000) * 10);
      const end = { id: ++link, direction: 'inbound', peer: liar, remoteAddress: '192.0.2.9:1' } as const;
      node.node.handleLinkOpen(now, end, undefined);
      node.node.handleLinkBytes(now, link, encodeFrame({ ...hello, nodeId: liar.nodeId }));
      node.node.handleLinkBytes(now, link, input);
      net.settle();
      if (node.node.deadline(now) <= now.mono) node.node.handleTimeout(now);
      node.node.handleLinkClosed(now, link);
      net.settle();
      for (const id of node.heldIds)
        assert.ok(signed.has(id) || id.startsWith(node.id), `${id} is held, and nobody signed it`);
      assert.equal(node.node.links.length, 0);
      node.events.length = 0;
    };
    return { corpus: frames.map(encodeFrame), mutators: [mutateFrames], feed };
  },
};
