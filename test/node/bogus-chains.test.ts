import assert from 'node:assert/strict';
import { it } from 'node:test';
import { concatBytes } from '../../src/base/bytes.ts';
import { REJECTS } from '../../src/engine/links/conduct.ts';
import { type Frame, LINK_VERSION } from '../../src/engine/links/frame.ts';
import { decodeFrame, encodeFrame } from '../../src/engine/links/frame-codec.ts';
import { FrameSplitter } from '../../src/engine/links/frame-splitter.ts';
import { WINDOW_BYTES } from '../../src/engine/links/credit.ts';
import type { Certificate } from '../../src/pki/x509/certificate/certificate.ts';
import { MESH, MeshFixture } from '../support/mesh/mesh-fixture.ts';
import { NodeNet } from '../support/mesh/nodes-by-hand.ts';

const LINKS = { bob: 4_001, eve: 4_002 } as const;
const MESSAGES = 2 * REJECTS.burstTokens;

it('a certificate shown without what leads on from it is held against who shows it, not who passes on its mail', async () => {
  const fixture = await MeshFixture.create('bogus', 'ann', 'bob', 'eve', 'cat');
  const net = new NodeNet(fixture);
  const ann = net.start('ann');
  const written: { readonly link: number; readonly bytes: Uint8Array }[] = [];
  ann.write = (link, bytes) => void written.push({ link, bytes });
  const heard = (name: keyof typeof LINKS): Frame[] =>
    new FrameSplitter()
      .push(concatBytes(...written.filter(({ link }) => link === LINKS[name]).map(({ bytes }) => bytes)))
      .map(decodeFrame);
  const say = (name: keyof typeof LINKS, ...frames: readonly Frame[]): void => {
    ann.node.handleLinkBytes(net.now, LINKS[name], concatBytes(...frames.map(encodeFrame)));
    net.settle();
    ann.node.flush(net.now);
  };
  for (const name of ['bob', 'eve'] as const) {
    const { nodeId, chain } = fixture.member(name);
    const end = { id: LINKS[name], direction: 'inbound', peer: { nodeId, chain }, remoteAddress: `${name}:1` } as const;
    ann.node.handleLinkOpen(net.now, end, undefined);
    say(name, {
      tag: 'hello',
      version: LINK_VERSION,
      mesh: MESH,
      nodeId,
      software: name,
      addresses: [],
      crls: [],
      heldIncarnation: 0,
      windowBytes: WINDOW_BYTES,
    });
  }
  const { chain } = fixture.member('cat');
  const said = Array.from({ length: MESSAGES }, (_, counter) => fixture.message('cat', { counter }));
  say('bob', ...said.map(({ bytes }): Frame => ({ tag: 'message', bytes })));
  assert.ok(
    heard('bob').some(({ tag }) => tag === 'want-chains'),
    'cat is unknown to ann',
  );

  const leaf: Frame = { tag: 'chain', certificates: [(chain[0] as Certificate).der] };
  say('eve', ...Array.from({ length: REJECTS.burstTokens + 1 }, () => leaf));
  assert.deepEqual(heard('eve').at(-1), { tag: 'bye', reason: 'misbehaved' });
  say('bob', { tag: 'chain', certificates: chain.map(({ der }) => der) });
  assert.equal(ann.node.statistics.accepted, MESSAGES, 'what bob passed on waited for a good answer');
  assert.equal(
    heard('bob').some(({ tag }) => tag === 'bye'),
    false,
  );
});
