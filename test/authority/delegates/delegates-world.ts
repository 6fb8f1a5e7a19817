import assert from 'node:assert/strict';
import type { KeyTree } from '../../../src/authority/delegates/key-tree.ts';
import { DAY_MS } from '../../../src/base/time.ts';
import { DelegateBook } from '../../../src/engine/gate/delegate-book.ts';
import { Revocations } from '../../../src/engine/gate/revocations.ts';
import { scopeOf } from '../../../src/identity/delegate/scope.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { authorityWorld, enrollmentOf, newToken } from '../../support/mesh/authority-world.ts';

export const KEY = {
  curve: 'P-256',
  bytes: Uint8Array.fromHex('036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296'),
} as const;

/** An authority with a node that it has enrolled, and a delegate to wish for. */
export async function delegatesWorld(tree: KeyTree) {
  const made = await authorityWorld({ tree });
  const { authority } = made;
  const token = await newToken(authority);
  const { nodeId } = await authority.enroll(await enrollmentOf(token));
  /** What a node knows that has the newest list. */
  const verifier = () => {
    const { root, certificate, mesh } = authority.issuer;
    const revocations = new Revocations({ mesh, anchors: [root], checkSignature: checkX509Signature });
    revocations.learnIssuers([root, certificate]);
    assert.equal(revocations.install(authority.crl.der).tag, 'installed');
    return new DelegateBook(mesh, revocations, () => false, undefined);
  };
  const wish = { nodeId, key: KEY, scope: scopeOf(['publish:sensor/a']), lifeMs: DAY_MS };
  return { ...made, authority, nodeId, wish, verifier };
}
