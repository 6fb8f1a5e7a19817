import { type Bytes, concatBytes, textOfUtf8, utf8 } from '../../../../src/base/bytes.ts';
import { isMeshError } from '../../../../src/base/errors.ts';
import type { SeededRandom } from '../../../../src/sim/seeded-random.ts';
import type { Mutator } from '../target.ts';

/** Octets at which lengths, signs and heads of the formats turn over. */
const ODD_OCTETS = [
  0x00, 0x01, 0x17, 0x18, 0x1b, 0x1f, 0x30, 0x5f, 0x7f, 0x80, 0x81, 0x84, 0x9f, 0xa0, 0xbf, 0xfe, 0xff,
];

export function pick<T>(random: SeededRandom, items: readonly T[]): T {
  return items[random.below(items.length)] as T;
}

/** One to eight blind changes: bits, octets, pieces left out, doubled, moved, taken from another input; the end cut off. */
export const mutateBytes: Mutator = (random, corpus) => {
  let bytes: Bytes = new Uint8Array(pick(random, corpus));
  for (let n = 1 + random.below(random.chance(0.3) ? 8 : 2); n > 0; n--) bytes = changeOnce(random, bytes, corpus);
  return bytes;
};

/** Nothing of a valid input. */
export const randomBytes: Mutator = (random) => random.bytes(random.below(random.chance(0.1) ? 2_000 : 64));

function changeOnce(random: SeededRandom, bytes: Bytes, corpus: readonly Bytes[]): Bytes {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(random.chance(0.2) ? 256 : 8));
  const before = bytes.subarray(0, at);
  switch (random.below(9)) {
    case 0:
    case 1:
      return set(bytes, at, (octet) => octet ^ (1 << random.below(8)));
    case 2:
    case 3:
      return set(bytes, at, () => pick(random, ODD_OCTETS));
    case 4:
      return concatBytes(before, bytes.subarray(end));
    case 5:
      return concatBytes(before, bytes.subarray(at, end), bytes.subarray(at));
    case 6:
      return concatBytes(before, random.bytes(random.below(16)), bytes.subarray(at));
    case 7: {
      const other = pick(random, corpus);
      const from = random.below(other.length + 1);
      return concatBytes(before, other.subarray(from, from + 1 + random.below(64)), bytes.subarray(end));
    }
    default:
      return before;
  }
}

function set(bytes: Bytes, at: number, change: (octet: number) => number): Bytes {
  const octet = bytes[at];
  if (octet !== undefined) bytes[at] = change(octet);
  return bytes;
}

const ODD_TEXTS = [
  '',
  '\0',
  '\u{feff}',
  'é',
  '\u{1f600}',
  '\ud800',
  '"',
  '\\',
  '{',
  '[]',
  'null',
  '-----END',
  '\r',
  '\n',
  '1e999',
];
const ODD_WORDS = [
  '__proto__',
  'constructor',
  '-0',
  '0x10',
  ' ',
  '%00',
  '../../',
  '9'.repeat(30),
  'A'.repeat(300),
  '&a [*a]',
];

/** Changes of a text, where a valid input is one: odd words and characters put in, pieces left out and doubled. */
export const mutateText: Mutator = (random, corpus) => {
  let text: string;
  try {
    text = textOfUtf8(pick(random, corpus));
  } catch (error) {
    if (isMeshError(error)) return mutateBytes(random, corpus);
    throw error;
  }
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(text.length + 1);
    const end = at + random.below(random.chance(0.2) ? 200 : 12);
    const more = random.chance(0.5) ? pick(random, random.chance(0.7) ? ODD_TEXTS : ODD_WORDS) : text.slice(at, end);
    text = text.slice(0, at) + more + text.slice(random.chance(0.5) ? at : end);
  }
  return utf8(text);
};
