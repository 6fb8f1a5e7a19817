import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fillDirectory } from '../../../src/cli/hint.ts';

describe('a hint', () => {
  it('names the directory that the command was given', () => {
    assert.equal(
      fillDirectory('see: chainmail ticket list --dir DIR', 'ticket', '/var/lib/ca'),
      'see: chainmail ticket list --dir /var/lib/ca',
    );
    assert.equal(
      fillDirectory('stop it, then: chainmail node enroll --dir DIR --ticket FILE', 'publish', 'n 1'),
      "stop it, then: chainmail node enroll --dir 'n 1' --ticket FILE",
    );
    assert.equal(
      fillDirectory('chainmail nodes --dir DIR; then: chainmail audit list --dir DIR', 'revoke', 'ca'),
      'chainmail nodes --dir ca; then: chainmail audit list --dir ca',
    );
  });

  it('for a directory of another kind stays as it is', () => {
    const ofAuthority = 'check the clock, then: chainmail authority accept-clock --dir DIR';
    assert.equal(fillDirectory(ofAuthority, 'node', '/var/lib/node'), ofAuthority);
    assert.equal(fillDirectory(ofAuthority, 'authority', undefined), ofAuthority);
    assert.equal(fillDirectory(ofAuthority, 'verify', 'x'), ofAuthority);
  });
});
