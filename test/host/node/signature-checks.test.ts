import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PublicKey } from '../../../src/crypto/keys/public-key.ts';
import { generatePkcs8, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { CHECKED_IN_A_ROW, SignatureChecks } from '../../../src/host/node/signature-checks.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';
import type { Message } from '../../../src/message/message.ts';

const KEY = PublicKey.fromSpki(softwareSigner(generatePkcs8('P-256')).spki);

/** Nothing but what a check looks at. */
function messageOf(origin: string): Message {
  const bytes = new Uint8Array(64);
  return { origin: origin as NodeId, algorithm: 'ES256', signedBytes: bytes, signature: bytes } as unknown as Message;
}

describe('signature checks that wait', () => {
  it('take authors in turn: one who says two thousand things at once holds up nobody else (T3)', () => {
    const answered: number[] = [];
    const checks = new SignatureChecks((ticket) => answered.push(ticket));
    let ticket = 0;
    while (ticket < 2_000) checks.add(ticket++, KEY, messageOf('loud'));
    const quiet = [ticket++, ticket++];
    for (const each of quiet) checks.add(each, KEY, messageOf('quiet'));
    checks.run();
    assert.ok(
      quiet.every((each) => answered.includes(each)),
      `answered: ${answered.join(' ')}`,
    );
    const loud = answered.filter((each) => !quiet.includes(each));
    assert.deepEqual(
      loud,
      loud.toSorted((a, b) => a - b),
      'each author in the order of what it said',
    );
  });

  it('keep together what came together, as far as it holds up nobody for long', () => {
    const answered: number[] = [];
    const checks = new SignatureChecks((ticket) => answered.push(ticket));
    for (let i = 0; i < 5 * CHECKED_IN_A_ROW; i++)
      checks.add(i, KEY, messageOf(i < CHECKED_IN_A_ROW ? 'one' : 'other'));
    checks.run();
    assert.deepEqual(
      answered,
      Array.from({ length: answered.length }, (_, i) => i),
    );
    assert.ok(answered.length > 2 * CHECKED_IN_A_ROW && answered.length < 5 * CHECKED_IN_A_ROW, 'some still wait');
  });
});
