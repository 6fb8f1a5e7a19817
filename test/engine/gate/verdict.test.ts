import assert from 'node:assert/strict';
import { it } from 'node:test';
import { errorEntry } from '../../../src/base/error-codes.ts';
import { REFUSAL_OF_REASON } from '../../../src/engine/gate/verdict.ts';

for (const [reason, { code, detail, hint }] of Object.entries(REFUSAL_OF_REASON))
  it(`who is refused for ${reason} reads a sentence`, () => {
    assert.ok(detail.split(' ').length >= 5, detail);
    assert.notEqual(detail, reason);
    const { status, retryAfterSec } = errorEntry(code);
    if (status === 429) assert.ok(hint !== undefined && retryAfterSec !== undefined);
  });
