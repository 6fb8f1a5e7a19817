import type { SeededRandom } from '../seeded-random.ts';

/** Neighbours that each node of a world is told of: as many as it may have links. */
export const NEIGHBOURS = 12;

/** In a small world everybody can be told of everybody. */
function everyPair(nodes: number): [number, number][] {
  return Array.from({ length: nodes }, (_, a) =>
    Array.from({ length: a }, (_unused, b): [number, number] => [a, b]),
  ).flat();
}

/**
 * Who is told of whom, both ways: six random rings through all nodes, laid over each other. Connected for certain, and
 * as well mixed as a random graph of that degree.
 *
 * @returns pairs of indexes; a pair may come twice.
 */
export function randomRings(nodes: number, random: SeededRandom): [number, number][] {
  if (nodes <= NEIGHBOURS + 1) return everyPair(nodes);
  const pairs: [number, number][] = [];
  const everyone = Array.from({ length: nodes }, (_, index) => index);
  for (let ring = 0; ring < NEIGHBOURS / 2; ring++) {
    const order = random.shuffled(everyone);
    for (const [place, index] of order.entries()) pairs.push([index, order[(place + 1) % nodes] as number]);
  }
  return pairs;
}
