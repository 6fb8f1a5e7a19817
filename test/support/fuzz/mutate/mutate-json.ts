import { textOfUtf8, utf8 } from '../../../../src/base/bytes.ts';
import type { SeededRandom } from '../../../../src/sim/seeded-random.ts';
import { pick } from './mutate-bytes.ts';
import type { Mutator } from '../target.ts';

const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  ' ',
  'x'.repeat(500),
  '\0',
  'é',
  '\ud800',
  '🦀'.repeat(40),
  [],
  {},
  ['a'],
  [[]],
  { a: 1 },
  '__proto__',
  '-1',
  '00:FF',
  '2027-01-15T08:00:00Z',
  '9999-99-99T99:99:99Z',
  'role:',
  'sensor/x',
  'AAAA',
  'AA==',
  'A',
  '0x00',
  '127.0.0.1:0',
  '[::1]:99999',
  'https://h:1',
  'javascript:0',
];

/** Changes values of a JSON document, leaves members out, adds strange ones. A document that is none comes out as it is. */
export const mutateJson: Mutator = (random, corpus) => {
  const text = textOfUtf8(pick(random, corpus));
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    return utf8(text);
  }
  for (let n = 1 + random.below(3); n > 0; n--) tree = change(random, tree, 0);
  return utf8(JSON.stringify(tree) ?? 'null');
};

export function change(random: SeededRandom, value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > 6 || random.chance(0.05)) return replace(random, value);
  if (Array.isArray(value)) return changeList(random, value, depth);
  const entries = Object.entries(value);
  if (entries.length === 0 || random.chance(0.1))
    return Object.fromEntries([
      ...entries,
      [pick(random, ['extra', '__proto__', 'constructor', '']), pick(random, ODD_VALUES)],
    ]);
  const at = random.below(entries.length);
  if (random.chance(0.15)) return Object.fromEntries(entries.filter((_, i) => i !== at));
  return Object.fromEntries(
    entries.map(([name, member], i) => [name, i === at ? change(random, member, depth + 1) : member]),
  );
}

function changeList(random: SeededRandom, list: readonly unknown[], depth: number): unknown {
  if (list.length === 0 || random.chance(0.3))
    return [...list, ...Array.from({ length: random.chance(0.1) ? 400 : 1 }, () => pick(random, [...list, null]))];
  const at = random.below(list.length);
  return random.chance(0.3)
    ? list.filter((_, i) => i !== at)
    : list.map((member, i) => (i === at ? change(random, member, depth + 1) : member));
}

function replace(random: SeededRandom, value: unknown): unknown {
  if (typeof value === 'string' && random.chance(0.5)) {
    const at = random.below(value.length + 1);
    const more = random.chance(0.5) ? String.fromCharCode(random.below(random.chance(0.8) ? 0x80 : 0x1_0000)) : '';
    return value.slice(0, at) + more + value.slice(random.chance(0.5) ? at : at + 1 + random.below(4));
  }
  if (typeof value === 'number' && random.chance(0.5)) return value * pick(random, [-1, 0.5, 1_000, 1e15]);
  return pick(random, ODD_VALUES);
}
