import assert from 'node:assert/strict';
import { SECOND_MS } from '../../../src/base/time.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import type { MeshFixture } from '../mesh/mesh-fixture.ts';
import { type HandNode, NodeNet, type WriteFate } from '../mesh/nodes-by-hand.ts';

export const FAULT_NODES = ['ann', 'bob', 'eve'];
const STEPS = 60;
/** Long enough for every pull to have been asked and answered. */
const HEAL_MS = 60 * SECOND_MS;

/** What each acknowledged message says. */
type Acknowledged = ReadonlyMap<string, string>;

function saidAt(node: HandNode): Acknowledged {
  const { messages } = node.node.holdings;
  return new Map(
    Array.from(messages.values(), ({ contentKey, id }) => {
      const payload = node.node.holdings.read(contentKey)?.payload;
      return [id, payload === undefined ? '' : new TextDecoder().decode(payload)] as const;
    }),
  );
}

function assertHolds(node: HandNode, acknowledged: Acknowledged, of: (id: string) => boolean, where: string): void {
  const said = saidAt(node);
  for (const [id, text] of acknowledged) if (of(id)) assert.equal(said.get(id), text, `${id} ${where}`);
}

/**
 * Three nodes that publish, restart and lose each other while their stores fail, lose writes, or write and never say so;
 * then all are well again. Everything that was acknowledged must be at every node, and no number says two things.
 */
export function storeFaults(fixture: MeshFixture, seed: number): void {
  const random = new SeededRandom(`store faults ${seed}`);
  const net = new NodeNet(fixture);
  const nodes = FAULT_NODES.map((name) => net.start(name));
  const anyNode = (): HandNode => nodes[random.below(nodes.length)] as HandNode;
  const fates: readonly WriteFate[] = ['written', 'written', 'written', 'failed', 'unanswered', 'lost'];
  const acknowledged = new Map<string, string>();
  const requests = nodes.map(() => new Map<number, string>());
  const take = (): void => {
    for (const [i, node] of nodes.entries())
      for (const [request, text] of requests[i] as Map<number, string>) {
        const answer = node.answers.get(request);
        if (answer === undefined) continue;
        requests[i]?.delete(request);
        if (answer.tag === 'refused') continue;
        assert.equal(acknowledged.get(answer.messageId), undefined, `${answer.messageId} was given twice`);
        acknowledged.set(answer.messageId, text);
      }
  };
  const restart = (node: HandNode): void => {
    take();
    requests[nodes.indexOf(node)]?.clear(); // whoever waited learns nothing
    node.restart();
    assertHolds(node, acknowledged, (id) => id.startsWith(`${node.id}.`), 'is lost in a crash');
  };

  for (const node of nodes) node.fateOfWrite = () => fates[random.below(fates.length)] as WriteFate;
  for (let step = 0; step < STEPS; step++) {
    const node = anyNode();
    const action = random.below(6);
    if (action < 3)
      for (let i = random.between(1, 7); i > 0; i--) {
        const text = `{"kind":"hash","value":"${seed} ${step} ${i}","risk":1}`;
        requests[nodes.indexOf(node)]?.set(node.publish(text), text);
      }
    if (action === 3) net.connect(node, anyNode());
    if (action === 4) net.pass(random.between(1, 5 * SECOND_MS));
    if (action === 5) restart(node);
    net.settle();
    take();
    for (const stuck of nodes) if (stuck.isStuck) restart(stuck);
  }

  for (const node of nodes) {
    node.fateOfWrite = undefined;
    restart(node);
  }
  for (const [i, node] of nodes.entries()) net.connect(node, nodes[(i + 1) % nodes.length] as HandNode);
  net.pass(HEAL_MS);
  for (const node of nodes) {
    assertHolds(node, acknowledged, () => true, `has not come to ${node.name}`);
    assert.equal(node.node.statistics.conflicts, 0);
  }
  assert.ok(acknowledged.size > 0);
}
