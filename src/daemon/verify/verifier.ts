import { MeshError } from '../../base/errors.ts';
import { checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import { MessageVerifier } from '../../engine/gate/message-verifier.ts';
import type { MeshName } from '../../identity/mesh-name.ts';
import { issuerOfCrl } from './certificate.ts';
import type { VerifyContext } from './verdict.ts';

/** What a node would say that trusts these anchors, has these lists, and knows nothing else. @throws ERR_CRL, ERR_PATH_... */
export function verifierIn(mesh: MeshName, { anchors, others, crls, now }: VerifyContext): MessageVerifier {
  const trust = { mesh, anchors, checkSignature: checkX509Signature };
  const verifier = new MessageVerifier({ trust, staleLists: 'accepted', missingLists: 'accepted' });
  for (const crl of crls) {
    verifier.addIssuer(issuerOfCrl(crl, [...anchors, ...others]).der, now);
    verifier.addList(crl.der);
  }
  return verifier;
}

/** @throws ERR_DELEGATE_BRANCH where what is at hand cannot say who vouches for delegates. */
export function requireLists({ anchors, crls }: VerifyContext): void {
  if (anchors.length === 0 || crls.length === 0)
    throw new MeshError(
      'ERR_DELEGATE_BRANCH',
      'who may vouch for delegates stands in the revocation list of the mesh',
      'give the trust anchor and the newest list: --ca FILE --crl FILE',
    );
}
