import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { TestMesh, type TestNode } from '../../support/mesh/nodes-on-loopback.ts';

const PAIRS = 8;

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

/** The other end of the link that a node has with this peer, as the machine names it. */
function portsOf(node: TestNode, peer: TestNode): readonly (number | undefined)[] {
  const [link, ...more] = node.host.node.links.filter((each) => each.peer === peer.nodeId);
  assert.ok(link !== undefined && more.length === 0, 'not one link');
  const port = Number(link.end.remoteAddress.split(':').at(-1));
  const socket = node.sockets.find(({ remotePort, destroyed }) => remotePort === port && !destroyed);
  const ports = [socket?.localPort, socket?.remotePort];
  return link.end.direction === 'outbound' ? ports : ports.toReversed();
}

describe('two nodes that dial each other at once', () => {
  it('keep one link, the same at both ends, punish nobody, and link again after it breaks', async (t) => {
    const pairs = await Promise.all(Array.from({ length: PAIRS }, () => Promise.all([mesh.start(t), mesh.start(t)])));
    for (const [a, b] of pairs) {
      a.learn(b);
      b.learn(a);
    }
    await Promise.all(
      pairs.map(async ([a, b]) => {
        await Promise.all([a.linkedWith(b), b.linkedWith(a)]);
        await settled(a, b);
        assert.deepEqual(portsOf(a, b), portsOf(b, a), 'each end has another link');
        for (const [node, peer] of [
          [a, b],
          [b, a],
        ] as const) {
          const ups = node.events.filter(({ tag }) => tag === 'link-up');
          const downs = node.events.filter((event) => event.tag === 'link-down');
          assert.ok(ups.length <= 2 && downs.length === ups.length - 1, 'it flaps');
          assert.ok(downs.every((event) => event.why === 'twin' && event.peer === peer.nodeId));
          assert.deepEqual([node.refused, node.unexpected], [[], []]);
        }
        const seen = [a, b].map(({ events }) => events.length);
        for (const socket of a.sockets) socket.destroy();
        await Promise.all([a, b].map((node, i) => node.untilAfter(seen[i] as number, 'link-up')));
        await settled(a, b);
        assert.deepEqual(portsOf(a, b), portsOf(b, a));
      }),
    );
  });
});

/** What was said on a link before something else was said after it has come: the twins are settled. */
async function settled(a: TestNode, b: TestNode): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await b.got(await a.say(`one way ${round}`));
    await a.got(await b.say(`the other ${round}`));
  }
}
