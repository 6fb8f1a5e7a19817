import type { MeshFixture } from '../support/mesh/mesh-fixture.ts';
import { type HandNode, NodeNet } from '../support/mesh/nodes-by-hand.ts';

/** Nodes in a row, each linked with the next. */
export function nodesInRow(
  fixture: MeshFixture,
  ...names: readonly string[]
): { readonly net: NodeNet; readonly nodes: HandNode[] } {
  const net = new NodeNet(fixture);
  const nodes = names.map((name) => net.start(name));
  for (const [i, node] of nodes.slice(1).entries()) net.connect(nodes[i] as HandNode, node);
  net.settle();
  return { net, nodes };
}
