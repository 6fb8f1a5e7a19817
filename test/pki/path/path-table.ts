import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { namedBits } from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import type { PathResult } from '../../../src/pki/path/path-result.ts';
import {
  commonName,
  dns,
  extensionOf,
  type Issuer,
  judge,
  make,
  outcome,
  type Party,
  type Recipe,
} from '../../support/make-certificate.ts';

/** One row of a table: what is built, what RFC 5280 says of it, and the judgement. */
export type Row = readonly [name: string, expected: string, run: () => PathResult];

export function table(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const [name, expected, run] of rows) it(`${name}: ${expected}`, () => assert.equal(outcome(run()), expected));
  });
}

export const root = make({ subject: commonName('root') });
export const intermediate = make({ issuer: root, isCa: true, subject: commonName('intermediate') });
export const EXAMPLE = [dns('example.com')];

export const leafOf = (issuer: Issuer, more: Recipe = {}): Party => make({ issuer, names: EXAMPLE, ...more });

/** A leaf that differs, right under the root. */
export const direct = (more: Recipe): PathResult => judge(leafOf(root, more), [], [root]);

/** A leaf under a root that differs. */
export function underRoot(more: Recipe): PathResult {
  const ca = make(more);
  return judge(leafOf(ca), [], [ca]);
}

/** A leaf under an intermediate that differs. */
export function underIntermediate(more: Recipe): PathResult {
  const ca = make({ issuer: root, isCa: true, ...more });
  return judge(leafOf(ca), [ca], [root]);
}

/** A standard extension replaced by one that is critical. */
export const critical = (type: string, value: Uint8Array): Recipe => ({
  extensions: { [type]: extensionOf(type, value, true) },
});

export const keyUsage = (bits: number): Recipe => critical(OID.keyUsage, namedBits(bits));

export const without = (...types: readonly string[]): Recipe => ({
  extensions: Object.fromEntries(types.map((type) => [type, null])),
});
