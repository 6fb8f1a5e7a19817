import { MeshError } from '../base/errors.ts';
import type { UnixMs } from '../base/time.ts';
import { checkX509Signature } from '../crypto/signatures/x509-signature.ts';
import { MessageVerifier, type VerifierOptions } from '../engine/gate/message-verifier.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import { splitAnchors } from '../pki/mesh/anchors.ts';
import { parseCertificatesPem } from '../pki/x509/certificate/certificate.ts';

export interface TrustOptions extends Pick<VerifierOptions, 'staleLists'> {
  readonly mesh: MeshName;
  /** PEM: roots, and the intermediates below them as a `ca.pem` has them. */
  readonly trustAnchor: string;
}

/** @throws ERR_CERTIFICATE; ERR_PATH_NO_ANCHOR where no root is among them. */
export function verifierOf({ mesh, trustAnchor, staleLists }: TrustOptions, wall: UnixMs): MessageVerifier {
  const { anchors, others } = splitAnchors(parseCertificatesPem(trustAnchor));
  if (anchors.length === 0)
    throw new MeshError('ERR_PATH_NO_ANCHOR', 'no root certificate is among those that are to be believed');
  const verifier = new MessageVerifier({ trust: { mesh, anchors, checkSignature: checkX509Signature }, staleLists });
  for (const { der } of others) verifier.addIssuer(der, wall);
  return verifier;
}
